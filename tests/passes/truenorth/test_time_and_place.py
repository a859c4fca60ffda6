"""Copies, splitters, delays, relays, sample boundaries, and where cores lie."""

from dataclasses import replace
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest

from neurocompile.ir.mapping import CoreId
from neurocompile.ir.network import Network
from neurocompile.passes.placing.mesh import Mesh
from neurocompile.passes.truenorth.audit.audit import audit
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.passes.truenorth.core_places import crossbar_traffic
from neurocompile.passes.truenorth.legalize import legalize
from neurocompile.semantics.reset import Reset
from neurocompile.target.truenorth import TrueNorthTarget
from tests.passes.truenorth.build import Link, network, population


def equal(nets: ModuleType, net: Network, legal: CoreNetwork, target: TrueNorthTarget) -> None:
    different, rates = nets.compare(net, legal, samples=4)
    assert different == []
    assert all(0 < rate for rate in rates.values())
    assert any(rate < 1 for rate in rates.values())
    assert list(audit(net, legal, target)) == []


def chain(length: int, skip: int, memory: bool = True) -> Network:
    """A chain of small populations, and a projection that skips `skip` of them."""
    names = [f"p{k}" for k in range(length)]
    populations = [population(n, 3, 1 + k % 2, reset=Reset.SOFT, memory=memory)
                   for k, n in enumerate(names)]
    projections: list[Link] = [
        ("x", "p0", [[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 1, 1]])]
    projections += [(a, b, np.eye(3) * 2) for a, b in pairwise(names)]
    projections.append((names[length - skip - 1], names[-1], np.ones((3, 3)) - 2 * np.eye(3)))
    return network(populations, projections, ticks=8)


@pytest.mark.parametrize(("skip", "relays"), [
    (14, 0), (15, 0), (16, 6), (30, 6), (31, 9), (47, 12)])
def test_relays_beyond_a_delay(skip: int, relays: int, random_nets: ModuleType,
                               truenorth: TrueNorthTarget) -> None:
    """A spike waits up to 15 ticks in its neuron, and 15 in each relay.

    Each of three neurons sets two axons of the last population.
    """
    net = chain(skip + 2, skip)
    legal = legalize(net, truenorth)
    row = next(r for r in legal.rows if r.population == "p1")
    depth = {p.name: p.depth for p in legal.network.populations}
    assert depth == {f"p{k}": k for k in range(skip + 2)}
    assert row.relays == relays
    equal(random_nets, net, legal.network, truenorth)


def test_copies_or_splitters_whatever_takes_fewer_cores(random_nets: ModuleType,
                                                        truenorth: TrueNorthTarget) -> None:
    rng = np.random.default_rng(0)

    def net(n: int) -> Network:
        return network([population("z", 100, 1), population("a", 60, 4), population("b", n, 9)], [
            ("x", "z", np.eye(100)), ("z", "a", rng.integers(-1, 2, (60, 100))),
            ("a", "b", rng.choice([-1, 1], (n, 60)))], inputs={"x": (100,)}, read="b")
    few = net(250)
    legal = legalize(few, truenorth)
    assert [(r.relays, r.latency) for r in legal.rows] == [(0, 0), (0, 1), (0, 2)]
    equal(random_nets, few, legal.network, truenorth)
    many = net(3000)  # each of 60 neurons sets two axons in each of 12 cores
    legal = legalize(many, truenorth)
    _, a, b = legal.rows
    assert a.relays + a.copies >= 60 * 23
    assert a.relays > 0
    assert (a.cores, b.cores, b.latency) == (1, 12, 3)
    assert len(legal.network.cores) <= 12 + 1 + 1 + 6
    equal(random_nets, many, legal.network, truenorth)


def test_one_neuron_to_more_than_256_axons(truenorth: TrueNorthTarget) -> None:
    """300 pieces, each of one neuron of 129 inputs and the spikes of `a`."""
    rng = np.random.default_rng(0)
    own = np.kron(np.eye(300, dtype=np.int64), np.ones((1, 129), np.int64))
    net = network([population("a", 2, 2), population("b", 300, 30)], [
        ("x", "a", [[1, 1, 1, 1], [1, 1, 1, -1]]), ("y", "b", own),
        ("a", "b", rng.choice([-30, 40], (300, 2)))],
        inputs={"x": (4,), "y": (300 * 129,)}, ticks=4)
    legal = legalize(net, truenorth)
    a, b = legal.rows
    assert b.cores == 300
    assert a.relays + a.copies >= 600
    assert list(audit(net, legal.network, truenorth)) == []


def test_samples_follow_each_other_without_loading(random_nets: ModuleType,
                                                   truenorth: TrueNorthTarget) -> None:
    """Stateless: one long run of four samples gives the spikes of each alone."""
    net = chain(20, 17, memory=False)
    net = replace(net, populations=tuple(
        replace(p, bias=population("q", 3, 1, [1, 0, -1]).bias) for p in net.populations))
    legal = legalize(net, truenorth).network
    assert not legal.reload
    equal(random_nets, net, legal, truenorth)
    inputs = random_nets.inputs_for(net, 4)
    long = random_nets.step(replace(legal, n_ticks=4 * net.n_ticks),
                               {n: x.reshape(1, -1, 4) for n, x in inputs.items()})
    for name, spikes in random_nets.reference(net, inputs).items():
        assert np.array_equal(long[name].reshape(spikes.shape), spikes)
    assert legalize(chain(4, 2), truenorth).network.reload


@pytest.mark.parametrize("bias", [-250, -40, -3, 3, 40, 600, -600])
@pytest.mark.parametrize("memory", [True, False])
def test_constants_start_with_the_wave(bias: int, memory: bool, random_nets: ModuleType,
                                       truenorth: TrueNorthTarget) -> None:
    """A constant at depth 3, where a leak has been running for three ticks."""
    rng = np.random.default_rng(2)
    weight = rng.integers(-7, 8, (20, 20))
    strong = np.abs(bias) // 4 * np.sign(-bias) * (rng.random((20, 20)) < 0.4)
    net = network(
        [population(n, 20, 7) for n in ("a", "b", "c")]
        + [population("d", 20, 11, bias, Reset.SOFT, memory), population("e", 20, 5, bias)],
        [("x", "a", np.ones((20, 4)) * 3), ("a", "b", weight), ("b", "c", np.abs(weight)),
         ("c", "d", strong), ("a", "d", np.abs(weight)), ("d", "e", np.eye(20) * 9),
         ("c", "e", strong)])
    legal = legalize(net, truenorth).network
    different, rates = random_nets.compare(net, legal, samples=4)
    assert different == []
    assert rates["c"] > 0
    assert list(audit(net, legal, truenorth)) == []


def test_small_populations_share_cores(truenorth: TrueNorthTarget) -> None:
    legal = legalize(chain(8, 3), truenorth).network
    assert len(legal.cores) == 1
    assert legal.roles[0].count("p") == 8


def test_lines_of_the_output_bus(truenorth: TrueNorthTarget) -> None:
    net = network([population("a", 6), population("b", 3)],
                  [("x", "a", np.ones((6, 4))), ("a", "b", np.ones((3, 6)))], read="b")
    legal = legalize(net, truenorth).network
    a, b = legal.populations
    assert (a.line.tolist(), b.line.tolist()) == ([], [0, 1, 2])
    array = legal.cores.target_axon.copy()
    array[b.core[0], b.slot[0]] += 1
    other = replace(legal, cores=replace(legal.cores, target_axon=array))
    assert [d.values["predicate"] for d in audit(net, other, truenorth)] == ["lines"]


def test_places_are_near_and_deterministic(truenorth: TrueNorthTarget) -> None:
    rng = np.random.default_rng(0)
    names = [f"p{k}" for k in range(12)]
    net = network([population(n, 128, 2) for n in names],
                  [("x", "p0", rng.choice([-1, 1], (128, 128)))] + [
                      (a, b, rng.choice([-1, 1], (128, 128)))
                      for a, b in pairwise(names)], inputs={"x": (128,)})
    legal = legalize(net, truenorth).network
    assert len(legal.cores) >= 12
    assert legalize(net, truenorth).network.places == legal.places
    traffic = crossbar_traffic(legal.cores, np.ones(legal.cores.target_core.shape))

    def hops(places: tuple[CoreId, ...]) -> int:
        x, y = Mesh.of(truenorth).position(places)
        a, b = traffic.source, traffic.destination
        return int(traffic.axons @ (np.abs(x[a] - x[b]) + np.abs(y[a] - y[b])))
    assert hops(legal.places) < 0.7 * hops(tuple(rng.permutation(np.array(
        legal.places, dtype=object)).tolist()))
    quiet = legalize(net, truenorth, rates=dict.fromkeys(names, 0.01)).network
    assert np.array_equal(quiet.cores.target_core, legal.cores.target_core)
