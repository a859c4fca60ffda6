"""The target's numbers of a core bind: smaller cores are used to their limits and never beyond."""

from collections import Counter
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.network import Network
from neurocompile.passes.placing import place
from neurocompile.passes.truenorth.audit.audit import audit
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.passes.truenorth.crossbar import WHOLE, Crossbar
from neurocompile.passes.truenorth.extents import extents
from neurocompile.passes.truenorth.legalize import FanIn, legalize
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import MAXIMA
from neurocompile.target.truenorth import TrueNorthTarget
from tests.passes.truenorth.build import network, population, with_numbers

SMALLER = {  # odd sizes, halves and extremes
    "core.axons": (7, 33, 64, 100, 128, 200), "core.neurons": (1, 2, 5, 16, 64, 100, 200),
    "core.axon_types": (1, 2, 3), "core.max_delay": (1, 2, 3, 7),
    "neuron.weight_max": (1, 3, 20, 63, 127), "neuron.leak_max": (0, 1, 5, 50, 127),
    "neuron.threshold_bits": (4, 8, 9, 12), "neuron.potential_bits": (6, 10, 12)}
REFUSALS = {"NC431", "NC432", "NC433", "NC435"}


@pytest.fixture(autouse=True)
def quick_placement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where cores lie changes no spike."""
    monkeypatch.setattr(place, "MOVES", 10)
    monkeypatch.setattr(place, "RELIEFS", 1)


def legal(net: Network, target: TrueNorthTarget, fan_in: FanIn = "reject"
          ) -> CoreNetwork | Diagnostic:
    """The core network, or the first finding."""
    try:
        return legalize(net, target, fan_in=fan_in).network
    except FindingsError as error:
        return error.diagnostics[0]


def test_the_shipped_targets_are_whole(truenorth: TrueNorthTarget) -> None:
    assert Crossbar.of(truenorth) == WHOLE
    assert {f"core.{key}" if hasattr(truenorth.core, key) else f"neuron.{key}": number
            for key, number in WHOLE.to_json().items()} == dict(MAXIMA)
    assert (WHOLE.threshold_max, WHOLE.potential_max) == (262_143, 262_143)


def layer(weight: np.ndarray, threshold: int = 3, bias: int = 0, ticks: int = 6) -> Network:
    """One population of the weights' neurons."""
    return network([population("a", len(weight), threshold, bias or None)], [("x", "a", weight)],
                   inputs={"x": (weight.shape[1],)}, ticks=ticks, read="a")


def with_delay(ticks: int) -> Network:
    """A spike that waits."""
    return network([population("a", 3), population("b", 3)], [
        ("x", "a", np.eye(3)), ("a", "b", np.eye(3), ticks)], inputs={"x": (3,)}, ticks=20)


FULL = np.arange(1, 61).reshape(3, 20) % 15 - 7  # weights of 4 bits
CASES: dict[str, tuple[Network, int, int | str]] = {  # what there is of it, with half the number
    "core.neurons": (layer(np.eye(200, 3)), 200, 128),
    "core.axons": (layer(np.eye(200)), 200, 128),
    "core.axon_types": (layer(FULL), 4, 2),
    "core.max_delay": (with_delay(9), 9, 7),
    "neuron.weight_max": (layer(np.array([[200, 100, -3]])), 200, "NC432"),
    "neuron.leak_max": (layer(FULL, bias=-200), 200, 120),
    "neuron.threshold_bits": (layer(FULL, 600), 18, "NC433"),
    "neuron.potential_bits": (layer(FULL, bias=-50), 1, "NC433")}


@pytest.mark.parametrize("key", MAXIMA)
def test_half_of_any_number_shows(key: str, truenorth: TrueNorthTarget) -> None:
    net, before, after = CASES[key]
    half = with_numbers(truenorth, {key: MAXIMA[key] // 2})
    whole, smaller = legal(net, truenorth), legal(net, half)
    assert isinstance(whole, CoreNetwork)
    assert extents(whole)[key].max() == before
    if isinstance(smaller, Diagnostic):
        assert smaller.code == after
        assert f"`{key}`" in smaller.message
        return
    assert extents(smaller)[key].max() == after
    assert smaller.crossbar == replace(WHOLE, **{key.partition(".")[2]: MAXIMA[key] // 2})
    assert {d.values["predicate"] for d in audit(net, whole, half)} == {"within-the-target"}
    assert list(audit(net, smaller, half)) == []


def smaller_target(target: TrueNorthTarget, rng: np.random.Generator) -> TrueNorthTarget:
    """Some of the target's numbers smaller."""
    return with_numbers(target, {
        key: int(rng.choice(numbers)) for key, numbers in SMALLER.items() if rng.random() < 0.25})


def deploy(nets: ModuleType, seeds: range, target: TrueNorthTarget) -> Counter[str]:
    """Networks that were built and are active, by fan-in; refusals by code."""
    outcomes = Counter[str]()
    for seed in seeds:
        smaller = smaller_target(target, np.random.default_rng([seed, 7]))
        net = nets.random_net(seed, max(4, smaller.core.axons.value * 4 // 5))
        chip = legal(net, smaller, "exact-slow" if seed % 2 else "reject")
        if isinstance(chip, Diagnostic):
            outcomes[chip.code] += 1
            continue
        different, rates = nets.compare(net, chip, seed=seed)
        assert different == [], seed
        assert list(audit(net, chip, smaller)) == [], seed
        if all(0 < rate for rate in rates.values()):
            outcomes["slow" if chip.step > 1 else "active"] += 1
    assert outcomes.keys() <= {"active", "slow", *REFUSALS}
    return outcomes


def test_deployed_equals_reference_on_smaller_cores(random_nets: ModuleType,
                                                    truenorth: TrueNorthTarget) -> None:
    assert deploy(random_nets, range(40), truenorth)["active"] >= 15


@pytest.mark.slow
def test_deployed_equals_reference_on_a_thousand_smaller_cores(
        random_nets: ModuleType, truenorth: TrueNorthTarget) -> None:
    outcomes = deploy(random_nets, range(2000, 3000), truenorth)
    assert outcomes["active"] >= 400
    assert outcomes["slow"] >= 5
    assert outcomes.keys() == {"active", "slow", *REFUSALS}


@pytest.mark.parametrize("numbers", [
    {"core.axons": 100}, {"core.neurons": 5, "core.axons": 64}, {"core.max_delay": 2},
    {"neuron.weight_max": 30}, {"neuron.threshold_bits": 11}, {"neuron.potential_bits": 12}],
    ids=str)
@pytest.mark.parametrize("reset", [Reset.SOFT, Reset.HARD, None], ids=str)
def test_partial_sums_on_smaller_cores(numbers: dict[str, int], reset: Reset | None,
                                       random_nets: ModuleType, truenorth: TrueNorthTarget) -> None:
    """130 ternary inputs into four neurons, which the cores cannot add up at once."""
    rng = np.random.default_rng(1)
    weight = rng.choice([-1, 1, 1], (4, 130))
    own = {"memory": False} if reset is None else {"reset": reset}
    net = network([population("a", 4, 9, [1, 0, -2, 3], **own), population("b", 3, 1)],
                  [("x", "a", weight), ("a", "b", [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0]])],
                  inputs={"x": (130,)}, ticks=4, read="b")
    smaller = with_numbers(truenorth, {"core.axons": 128, **numbers})
    chip = legal(net, smaller, "exact-slow")
    assert isinstance(chip, CoreNetwork), chip.message
    assert chip.step > 1
    different, rates = random_nets.compare(net, chip)
    assert different == []
    assert all(0 < rate for rate in rates.values())
    assert list(audit(net, chip, smaller)) == []


def test_partial_sums_take_four_types_of_axons(truenorth: TrueNorthTarget) -> None:
    net = layer(np.ones((2, 300), np.int64))
    finding = legal(net, with_numbers(truenorth, {"core.axon_types": 3}), "exact-slow")
    assert isinstance(finding, Diagnostic)
    assert finding.code == "NC431"
    assert "`core.axon_types`" in finding.notes[-1]
    assert isinstance(legal(net, truenorth, "exact-slow"), CoreNetwork)


@pytest.mark.parametrize("longest", [1, 2, 4, 8])
def test_a_spike_waits_in_as_many_relays_as_it_takes(
        longest: int, truenorth: TrueNorthTarget, random_nets: ModuleType) -> None:
    net, smaller = with_delay(9), with_numbers(truenorth, {"core.max_delay": longest})
    legalization = legalize(net, smaller)
    chip = legalization.network
    assert legalization.rows[0].relays == 3 * (-(-9 // longest) - 1)
    assert extents(chip)["core.max_delay"].max() == longest
    different, rates = random_nets.compare(net, chip)
    assert different == []
    assert all(0 < rate for rate in rates.values())
    assert list(audit(net, chip, smaller)) == []


def test_narrow_leaks(truenorth: TrueNorthTarget, random_nets: ModuleType) -> None:
    """Constants that hardly a leak can deliver come by axons, as exact as they are."""
    rng = np.random.default_rng(3)
    net = network([population("a", 9, 12, rng.integers(-40, 40, 9)),
                   population("b", 7, rng.integers(-4, 9, 7), -21, memory=False),
                   population("c", 5, 4, 3, Reset.SOFT)],
                  [("x", "a", rng.integers(-7, 8, (9, 12))), ("a", "b", rng.integers(-30, 60, (7, 9))),
                   ("b", "c", rng.integers(-2, 5, (5, 7)))], inputs={"x": (12,)}, read="c")
    smaller = with_numbers(truenorth, {"neuron.leak_max": 1, "neuron.weight_max": 100})
    chip = legal(net, smaller)
    assert isinstance(chip, CoreNetwork)
    different, rates = random_nets.compare(net, chip)
    assert different == []
    assert all(0 < rate for rate in rates.values())
    assert list(audit(net, chip, smaller)) == []
    assert extents(chip)["neuron.leak_max"].max() == 1


def test_a_potential_beyond_the_target_is_noticed(truenorth: TrueNorthTarget) -> None:
    """The audit bounds potentials by itself."""
    net = layer(FULL, bias=-50)
    chip = legal(net, truenorth)
    assert isinstance(chip, CoreNetwork)
    predicates = [d.values["predicate"] for d in audit(
        net, chip, with_numbers(truenorth, {"neuron.potential_bits": 10}))]
    assert predicates == ["potentials"]
    narrow = with_numbers(truenorth, {"neuron.threshold_bits": 8})
    assert {d.values["predicate"] for d in audit(net, chip, narrow)} == {
        "within-the-target", "parameters"}
