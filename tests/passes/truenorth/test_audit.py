"""The audit agrees with legalization, and finds every kind of change."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from neurocompile.ir.network import Network
from neurocompile.passes.truenorth.audit.audit import audit
from neurocompile.passes.truenorth.core_network import CoreNetwork, Cores
from neurocompile.passes.truenorth.legalize import legalize
from neurocompile.semantics.reset import Reset
from neurocompile.target.truenorth import TrueNorthTarget
from tests.passes.truenorth.build import network, population


@pytest.fixture(scope="module")
def net() -> Network:
    """Splitters, a skip, constants by axon, feedback, all three kinds of neurons."""
    rng = np.random.default_rng(5)

    def weights(n: int, m: int) -> np.ndarray:
        return rng.integers(-7, 8, (n, m))
    return network([
        population("a", 20, 9, -2, Reset.SOFT), population("b", 300, 2, memory=False),
        population("c", 12, 30, -29, Reset.HARD), population("d", 8, 3, 2, Reset.SOFT)],
        [("x", "a", weights(20, 30)), ("a", "b", weights(300, 20)),
         ("b", "c", weights(12, 300) * (rng.random((12, 300)) < 0.1)), ("a", "c", weights(12, 20)),
         ("c", "d", weights(8, 12)), ("d", "d", -np.eye(8), 1)],
        inputs={"x": (30,)}, read="d")


@pytest.fixture(scope="module")
def core_network(net: Network, truenorth: TrueNorthTarget) -> CoreNetwork:
    return legalize(net, truenorth).network


def test_audit_agrees(net: Network, core_network: CoreNetwork, truenorth: TrueNorthTarget) -> None:
    assert list(audit(net, core_network, truenorth)) == []
    assert "splitter" in " ".join(core_network.roles)


def flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1)


def first_target(cores: Cores) -> int:
    return int(np.flatnonzero(flat(cores.target_core) >= 0)[0])


def lost_synapse(cores: Cores) -> None:
    rows = np.flatnonzero(flat(cores.crossbar))
    flat(cores.crossbar)[rows[0]] &= flat(cores.crossbar)[rows[0]] - 1


def other_weight(cores: Cores) -> None:
    cores.weights[cores.weights > 1] += 1


def late(cores: Cores) -> None:
    flat(cores.delay)[first_target(cores)] += 1


def lost_spike(cores: Cores) -> None:
    flat(cores.target_core)[first_target(cores)] = -1


def twice(cores: Cores) -> None:
    at = np.flatnonzero(flat(cores.target_core) >= 0)
    for array in (cores.target_core, cores.target_axon):
        flat(array)[at[1]] = flat(array)[at[0]]


@pytest.mark.parametrize(("change", "predicate"), [
    (lost_synapse, "synapses"), (other_weight, "synapses"), (late, "synapses"),
    (lost_spike, "synapses"), (twice, "one-source-for-an-axon")])
def test_changed_arrays(net: Network, core_network: CoreNetwork, change: Callable[[Cores], None],
                        predicate: str, truenorth: TrueNorthTarget) -> None:
    cores = replace(core_network.cores, **{
        name: getattr(core_network.cores, name).copy()
        for name in ("crossbar", "weights", "delay", "target_core", "target_axon")})
    change(cores)
    findings = list(audit(net, replace(core_network, cores=cores), truenorth))
    assert {d.code for d in findings} == {"NC901"}
    assert predicate in {d.values["predicate"] for d in findings}


@pytest.mark.parametrize("name", ["leak", "threshold", "floor", "reset_value", "potential",
                                  "reset_mode"])
@pytest.mark.parametrize("population_name", ["a", "b", "c", "d"])
def test_changed_parameters(net: Network, core_network: CoreNetwork, name: str,
                            population_name: str, truenorth: TrueNorthTarget) -> None:
    table = next(p for p in core_network.populations if p.name == population_name)
    array = getattr(core_network.cores, name).copy()
    array[table.core[0], table.slot[0]] += 1
    cores = replace(core_network.cores, **{name: array})
    assert list(audit(net, replace(core_network, cores=cores), truenorth)) != []


def test_changed_inputs_and_tables(net: Network, core_network: CoreNetwork,
                                   truenorth: TrueNorthTarget) -> None:
    constants, = (t for t in core_network.inputs if t.name == "constants")
    late = [replace(t, delay=t.delay + 1) for t in core_network.inputs]
    for number in range(len(core_network.inputs)):
        inputs = tuple(late[k] if k == number else t for k, t in enumerate(core_network.inputs))
        assert list(audit(net, replace(core_network, inputs=inputs), truenorth)) != []
    assert len(constants.core)
    shallow = tuple(replace(p, depth=p.depth + (p.name == "c")) for p in core_network.populations)
    assert list(audit(net, replace(core_network, populations=shallow), truenorth)) != []
    places = (core_network.places[0], *core_network.places[:-1])
    findings = audit(net, replace(core_network, places=places), truenorth)
    assert [d.values["predicate"] for d in findings] == ["one-core-for-a-place"]
