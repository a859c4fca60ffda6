"""Every engine of the simulator against the oracle: spikes, potentials and events, exactly."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neurocompile.backends.truenorth import oracle
from neurocompile.backends.truenorth.check import LAYOUTS
from neurocompile.backends.truenorth.compiler import COMPILERS
from neurocompile.backends.truenorth.results import Probes, Simulation, estimate_energy
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.diagnostics import UsageError
from neurocompile.families.targets import load_target
from neurocompile.passes.truenorth.core_network import (
    NOWHERE,
    CoreNetwork,
    Cores,
    InputTable,
    PopulationTable,
)
from neurocompile.semantics.truenorth import NEURONS, POTENTIAL_MAX
from neurocompile.target.truenorth import TrueNorthTarget
from tests.backends.truenorth.random_cores import at_the_boundaries, random_input, random_network

EVERYTHING = Probes(potentials=None, counts=None, raster=True, raster_potentials=True)
HAS_COMPILER = any(shutil.which(name) for name in COMPILERS)
FAST = ("numba", "numpy", "c") if HAS_COMPILER else ("numba", "numpy")


def compare(network: CoreNetwork, inputs: dict[str, Any], seed: int = 0, **options: Any) -> int:
    """Spikes of the oracle; every engine must do the same."""
    samples = max((len(x) for x in inputs.values()), default=1)
    expected = [oracle.run_sample(network, inputs, sample, seed) for sample in range(samples)]
    for engine in FAST:
        if engine != "numpy" or not options:
            same(simulate(network, inputs, engine=engine, probes=EVERYTHING, seed=seed, **options),
                 network, expected)
    return sum(int(run.spikes.sum()) for run in expected)


def agree(seed: int, stochastic: bool = False) -> bool:
    """A random network, one in ten of them larger and with two samples; whether it is active."""
    large = seed % 10 == 0
    network = random_network(seed, stochastic, small=not large)
    return compare(network, random_input(seed, network, 1 + large), seed) > 0


def same(result: Simulation, network: CoreNetwork, expected: list[oracle.OracleRun]) -> None:
    assert result.raster is not None
    np.testing.assert_array_equal(result.raster, [run.spikes for run in expected])
    assert result.raster_potentials is not None
    np.testing.assert_array_equal(result.raster_potentials, [run.potentials for run in expected])
    for table in network.populations:
        spikes = np.stack([oracle.population(run, network, table.name) for run in expected])
        np.testing.assert_array_equal(result.spikes[table.name], spikes)
        np.testing.assert_array_equal(result.counts[table.name], spikes.sum(-1))
        when = table.depth + network.step * np.arange(network.n_ticks)
        potentials = np.stack([run.potentials[when][:, table.core, table.slot] for run in expected])
        np.testing.assert_array_equal(result.potentials[table.name], potentials)
    activity = result.activity
    np.testing.assert_array_equal(activity.spikes, sum(r.spikes.sum((0, 2)) for r in expected))
    np.testing.assert_array_equal(activity.axon_events, sum(r.axon_events for r in expected))
    np.testing.assert_array_equal(activity.synaptic_events, sum(r.synaptic_events for r in expected))


@pytest.mark.parametrize("part", range(6))
def test_engines_equal_the_oracle(part: int) -> None:
    active = [agree(seed) for seed in range(25 * part, 25 * (part + 1))]
    assert sum(active) >= 20


def test_engines_equal_the_oracle_in_stochastic_modes() -> None:
    active = [agree(seed, stochastic=True) for seed in range(1000, 1015)]
    assert sum(active) >= 12


def test_engines_equal_the_oracle_at_thresholds_and_floors() -> None:
    """Half of what is compared meets its threshold or floor, or misses it by one."""
    at_limits, active = 0, 0
    for seed in range(20):
        network = at_the_boundaries(seed)
        active += compare(network, {"start": np.eye(1, network.n_ticks, dtype=np.uint8)[..., None]}) > 0
        v = network.cores.potential
        at_limits += int((abs(v) >= POTENTIAL_MAX - 3).sum())
    assert active == 20
    assert at_limits > 800


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_ten_thousand_networks_equal_the_oracle(part: int) -> None:
    seeds = range(10_000 + 510 * part, 10_000 + 510 * (part + 1))
    active = [agree(seed, stochastic=seed % 50 == 0) for seed in seeds]
    assert sum(active) >= 400


def test_threads_share_the_cores_of_a_tick() -> None:
    network = random_network(20, stochastic=True)
    assert len(network.cores) == 3
    inputs = random_input(20, network, 2)
    assert compare(network, inputs, threads=2) > 0
    assert compare(network, inputs, threads=5) > 0


def relay(delay: int, threshold: int = 1) -> CoreNetwork:
    """Axon 0 drives neurons 0 and 1, which both set axon 1, which drives neuron 2."""
    network = random_network(0)
    shape = (1, NEURONS)
    arrays: dict[str, Any] = {name: np.zeros((1, *layout.shape), layout.dtype)
                              for name, layout in LAYOUTS.items()}
    arrays["crossbar"][0, 0, 0], arrays["crossbar"][0, 1, 0] = 0b011, 0b100
    arrays["weights"][0, :, 0], arrays["threshold"][...] = 1, threshold
    arrays["target_core"] = np.full(shape, NOWHERE, np.int32)
    arrays["target_core"][0, :2], arrays["target_axon"][0, :2], arrays["delay"][0, :2] = 0, 1, delay
    zero = np.zeros(1, np.int64)
    table = InputTable("x", zero, zero, zero, zero)
    output = PopulationTable("seen", np.zeros(3, np.int64), np.arange(3), depth=0)
    return replace(network, cores=Cores(**arrays), inputs=(table,), populations=(output,),
                   n_ticks=20,
                   step=1)


@pytest.mark.parametrize("delay", range(1, 16))
def test_delays_and_duplicates(delay: int) -> None:
    """Two spikes for one axon and tick are one: neuron 2 gets 1, so it never counts to 2."""
    spike = np.zeros((1, 20, 1), np.uint8)
    spike[0, [0, 2]] = 1
    network = relay(delay)
    assert compare(network, {"x": spike}) == 6
    result = simulate(network, {"x": spike})
    assert result.spikes["seen"][0, :, 2].nonzero()[0].tolist() == [delay, 2 + delay]
    assert result.activity.axon_events.tolist() == [4]
    assert result.activity.synaptic_events.tolist() == [6]


def test_populations_are_aligned_by_step_and_depth() -> None:
    """Tick t of the model enters in chip tick 2 t + 4 and reaches neuron 2 three ticks later."""
    network = relay(3)
    table = replace(network.inputs[0], delay=np.array([4]))
    zero = np.zeros(1, np.int64)
    first, later = PopulationTable("first", zero, zero, 4), PopulationTable("later", zero, zero + 2, 7)
    network = replace(network, inputs=(table,), populations=(first, later), n_ticks=4, step=2)
    spikes = np.array([1, 0, 1, 1], np.uint8).reshape(1, 4, 1)
    assert compare(network, {"x": spikes}) == 9
    result = simulate(network, {"x": spikes}, probes=Probes(raster=True))
    np.testing.assert_array_equal(result.spikes["first"], spikes)
    np.testing.assert_array_equal(result.spikes["later"], spikes)
    assert result.raster is not None
    assert result.raster[0, :, 0, 0].nonzero()[0].tolist() == [4, 8, 10]
    assert result.ticks == 3 * 2 + 7 + 1


def test_batches_are_as_single_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(25, stochastic=True)
    inputs = random_input(25, network, 7)
    whole = simulate(network, inputs, seed=3)
    monkeypatch.setattr("neurocompile.backends.truenorth.simulate._BATCH_BYTES", 0)
    reports: list[tuple[int, int]] = []
    single = simulate(network, inputs, seed=3,
                      progress=lambda count, total: reports.append((count, total)))
    np.testing.assert_array_equal(whole.spikes["p"], single.spikes["p"])
    np.testing.assert_array_equal(whole.activity.synaptic_events, single.activity.synaptic_events)
    assert whole.spikes["p"].any()
    assert not np.array_equal(whole.spikes["p"][0], whole.spikes["p"][1])
    assert reports == [(k + 1, single.ticks) for k in range(single.ticks)]


def test_seeds_matter_only_in_stochastic_modes() -> None:
    for stochastic in (False, True):
        network = random_network(1010, stochastic)
        inputs = random_input(1010, network, 1)
        one, other = (simulate(network, inputs, seed=seed).spikes["p"] for seed in (1, 2))
        assert np.array_equal(one, other) is not stochastic


def test_probes_choose() -> None:
    network = random_network(0)
    result = simulate(network, random_input(0, network, 1), probes=Probes(spikes=(), counts=("p",)))
    assert (result.spikes, result.potentials, list(result.counts)) == ({}, {}, ["p"])
    assert result.raster is None
    assert result.raster_potentials is None
    assert result.counts["p"].sum() > 0


@pytest.mark.parametrize("change", [
    {"engine": "cuda"}, {"threads": 0},
    {"engine": "numpy", "threads": 2}, {"probes": Probes(spikes=("nobody",))}, {"x": None},
    {"x": np.zeros((1, 3, 1))}, {"x": np.zeros((1, 20, 0))}, {"x": np.full((1, 20, 1), 0.5)},
    {"y": np.zeros((1, 20, 1))}], ids=str)
def test_what_cannot_be_is_refused(change: dict[str, Any]) -> None:
    options = {name: value for name, value in change.items() if name not in "xy"}
    inputs = {"x": np.zeros((1, 20, 1))} | {n: v for n, v in change.items() if n in "xy"}
    with pytest.raises(UsageError, match="NC009"):
        simulate(relay(1), {n: v for n, v in inputs.items() if v is not None}, **options)


def test_energy_is_an_estimate_of_static_power_and_synaptic_events() -> None:
    target = load_target("truenorth")
    assert isinstance(target, TrueNorthTarget)
    result = simulate(relay(1), {"x": np.ones((2, 20, 1))})
    estimate = estimate_energy(result, target)
    assert estimate is not None
    assert estimate.seconds == pytest.approx(0.040)
    assert estimate.static_joules == pytest.approx(0.064 * 0.040)
    events = result.activity.synaptic_events.sum()
    assert estimate.synaptic_joules == pytest.approx(events * 2.3e-12)
    assert estimate.joules == estimate.static_joules + estimate.synaptic_joules
    assert estimate.basis.startswith("estimate: 64 mW")
    assert estimate_energy(result, replace(target, costs=None)) is None
