"""Partial sums over cores are exact: spikes, worst cases, timing; and groups are what fits."""

from types import ModuleType
from typing import TypedDict

import numpy as np
import pytest

from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Conv
from neurocompile.passes.placing import place
from neurocompile.passes.truenorth.audit.audit import audit
from neurocompile.passes.truenorth.crossbar import Crossbar
from neurocompile.passes.truenorth.fan_in import group_constraints
from neurocompile.passes.truenorth.legalize import legalize
from neurocompile.semantics.reset import Reset
from neurocompile.target.truenorth import TrueNorthTarget
from tests.passes.truenorth.build import Link, network, population


class Kind(TypedDict, total=False):
    """What a population of a kind says."""

    reset: Reset
    memory: bool


KINDS: dict[str, Kind] = {"soft": {"reset": Reset.SOFT}, "hard": {"reset": Reset.HARD},
         "stateless": {"memory": False}}


@pytest.fixture(autouse=True)
def quick_placement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where cores lie changes no spike."""
    monkeypatch.setattr(place, "MOVES", 10)
    monkeypatch.setattr(place, "RELIEFS", 1)


def wide(seed: int, kind: str) -> Network:
    """300 to 700 inputs into `a`, then `b`; constants, and sometimes feedback."""
    rng = np.random.default_rng(seed)
    fan_in, n, bits = int(rng.integers(300, 700)), int(rng.integers(2, 9)), int(rng.integers(2, 5))
    top = 1 << (bits - 1)
    weight = rng.integers(1 - top, top, (n, fan_in))
    weight[weight == 0] = 1
    weight[:, ::2] = np.where(rng.random(weight[:, ::2].shape) < 0.5, -1, weight[:, ::2])
    weight[0, 0] = -top
    threshold = rng.integers(4, 30, n) if kind != "stateless" else rng.integers(-20, 20, n)
    own = KINDS[kind]
    projections: list[Link] = [
        ("x", "a", weight), ("a", "b", rng.integers(-3, 4, (6, n)))]
    if rng.random() < 0.5:
        projections.append(("a", "a", -3 * np.eye(n, dtype=np.int64), 1))
    return network(
        [population("a", n, threshold, rng.integers(-9, 9, n) if seed % 2 else None, **own),
         population("b", 6, int(rng.integers(1, 5)), rng.integers(-3, 3, 6), Reset.SOFT,
                    bool(rng.random() < 0.7))], projections, inputs={"x": (fan_in,)}, ticks=4,
        read="b")


def check(nets: ModuleType, net: Network, target: TrueNorthTarget, seed: int) -> bool:
    """Whether all populations fire in some ticks and not in others, after comparing them."""
    legalization = legalize(net, target, fan_in="exact-slow")
    assert legalization.network.step > 1
    assert {row.population: row.exactness for row in legalization.rows}["a"] == "exact, slow"
    different, rates = nets.compare(net, legalization.network, samples=3, seed=seed)
    assert different == [], seed
    assert list(audit(net, legalization.network, target)) == [], seed
    return all(0 < rate < 1 for rate in rates.values())


@pytest.mark.parametrize("kind", KINDS)
def test_exact_slow_equals_reference(kind: str, random_nets: ModuleType,
                                     truenorth: TrueNorthTarget) -> None:
    active = [check(random_nets, wide(seed, kind), truenorth, seed) for seed in (1, 2)]
    assert all(active)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_exact_slow_equals_reference_over_many(kind: str, random_nets: ModuleType,
                                               truenorth: TrueNorthTarget) -> None:
    active = [check(random_nets, wide(seed, kind), truenorth, seed) for seed in range(100, 200)]
    assert sum(active) >= 60


@pytest.mark.parametrize("kind", KINDS)
def test_worst_cases(kind: str, random_nets: ModuleType, truenorth: TrueNorthTarget) -> None:
    """Inputs of one sign only, all of them, then none, in every order: the longest trains."""
    net = wide(1, kind)
    weight = np.asarray(net.projections[0].operator.matrix().todense())
    core_network = legalize(net, truenorth, fan_in="exact-slow").network
    up, down = (weight[0] > 0).astype(np.uint8), (weight[0] < 0).astype(np.uint8)
    nothing, every = np.zeros_like(up), np.ones_like(up)
    orders = [(up, up, up, up), (down, down, up, up), (up, down, up, down), (down, up, every, up),
              (every, every, nothing, up), (nothing, up, nothing, down), (up, nothing, down, up)]
    inputs = {"x": np.array(orders)}
    expected, result = random_nets.reference(net, inputs), random_nets.step(core_network, inputs)
    assert expected["a"].any()
    for name, spikes in result.items():
        assert np.array_equal(spikes, expected[name])


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_spike_of_the_longest_train_counts(kind: str, random_nets: ModuleType,
                                                    truenorth: TrueNorthTarget) -> None:
    """All of 300 inputs must be in; a train of 256 is the longest."""
    net = network([population("a", 2, [300, 299], **KINDS[kind])],
                  [("x", "a", np.ones((2, 300)))], inputs={"x": (300,)}, ticks=2)
    inputs = {"x": np.ones((2, 2, 300), np.uint8)}
    inputs["x"][1, :, 7] = 0
    core_network = legalize(net, truenorth, fan_in="exact-slow").network
    assert core_network.step == 257
    expected, result = random_nets.reference(net, inputs), random_nets.step(core_network, inputs)
    assert expected["a"][:, 0].tolist() == [[1, 1], [0, 1]]
    assert np.array_equal(result["a"], expected["a"])


@pytest.mark.parametrize("kind", KINDS)
def test_gates_hold_what_comes_before_its_opposite(kind: str, random_nets: ModuleType,
                                                   truenorth: TrueNorthTarget) -> None:
    """Three short trains up to 180 against one of 180: meanwhile 120, or -120, in the end 0."""
    sign = np.repeat([1, 1, 1, -1], 256)
    net = network([population("a", 1, 1, **KINDS[kind])], [("x", "a", sign[None, :])],
                  inputs={"x": (1024,)}, ticks=4)
    level = np.concatenate([np.arange(256) < n for n in (60, 60, 60, 180)])
    above = level.copy()
    above[60] = True
    other = np.concatenate([np.arange(256) < n for n in (250, 0, 0, 249)])
    inputs = {"x": np.array([[level, level, above, level], [above, other, level, level],
                             [sign < 0, sign > 0, level, above]]).astype(np.uint8)}
    core_network = legalize(net, truenorth, fan_in="exact-slow").network
    expected, result = random_nets.reference(net, inputs), random_nets.step(core_network, inputs)
    assert 0 < expected["a"].mean() < 1
    assert np.array_equal(result["a"], expected["a"])
    opposite = network([population("a", 1, 1, **KINDS[kind])], [("x", "a", -sign[None, :])],
                      inputs={"x": (1024,)}, ticks=4)
    core_network = legalize(opposite, truenorth, fan_in="exact-slow").network
    assert np.array_equal(random_nets.step(core_network, inputs)["a"],
                          random_nets.reference(opposite, inputs)["a"])


def test_soft_reset_that_fires_again_is_held(random_nets: ModuleType,
                                             truenorth: TrueNorthTarget) -> None:
    """`b` can keep more than its threshold, so in a slow network it needs gates as well."""
    rng = np.random.default_rng(0)
    net = network([population("a", 4, 9), population("b", 3, 1, reset=Reset.SOFT)],
                  [("x", "a", rng.choice([-1, 1], (4, 600))), ("a", "b", np.full((3, 4), 2))],
                  inputs={"x": (600,)}, ticks=6)
    check(random_nets, net, truenorth, 3)
    legalization = legalize(net, truenorth, fan_in="exact-slow")
    assert [row.exactness for row in legalization.rows] == ["exact, slow", "exact, slow"]


def test_only_what_needs_it_is_slow(truenorth: TrueNorthTarget) -> None:
    net = wide(0, "hard")
    with pytest.raises(FindingsError) as error:
        legalize(net, truenorth)
    assert [d.code for d in error.value.diagnostics] == ["NC431"]
    narrow = network([population("a", 2)], [("x", "a", [[1, 1, 1, 1], [1, -1, 1, 1]])])
    assert legalize(narrow, truenorth, fan_in="exact-slow").network.step == 1


def test_groups_that_are_told_fit(truenorth: TrueNorthTarget) -> None:
    """A convolution with the groups of the constraints is legal, one with half of them is not."""
    rng = np.random.default_rng(0)

    def convolution(count: int) -> Network:
        weight = rng.choice([-7, -5, -3, 3, 5, 7, -6], (64, 64 // count, 3, 3))
        return network([population("a", (64, 6, 6))],
                       [("x", "a", Conv((64, 6, 6), (64, 6, 6), weight, padding=(1, 1),
                                        groups=count))], inputs={"x": (64, 6, 6)})
    with pytest.raises(FindingsError):
        legalize(convolution(1), truenorth)
    constraints = group_constraints(convolution(1), ["a"], Crossbar.of(truenorth))
    population_told, = constraints["populations"]
    projection, = population_told["projections"]
    assert (population_told["fan_in"], population_told["copies"],
            population_told["largest_fan_in"]) == (576, 4, 64)
    assert (projection["groups"], projection["inputs_per_group"]) == (16, 4)
    assert legalize(convolution(16), truenorth).rows[0].fan_in == 36
