"""Every engine of the simulator against the oracle: spikes, potentials and events, exactly."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from neurocompile.backends.truenorth import oracle
from neurocompile.backends.truenorth.compiler import COMPILERS
from neurocompile.backends.truenorth.results import Probes, Simulation
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.ir.core_network import CoreNetwork

sys.path.insert(0, str(Path(__file__).parent))
from random_cores import random_input, random_network

EVERYTHING = Probes(potentials=None, counts=None, raster=True, raster_potentials=True)
HAS_COMPILER = any(shutil.which(name) for name in COMPILERS)
FAST = ("numba", "numpy", "c") if HAS_COMPILER else ("numba", "numpy")
SAMPLES = 2


def compare(network: CoreNetwork, seed: int, engines: tuple[str, ...] = FAST) -> int:
    """Spikes of the oracle; every engine must do the same."""
    inputs = random_input(seed, network, SAMPLES)
    expected = [oracle.run_sample(network, inputs, sample, seed) for sample in range(SAMPLES)]
    for engine in engines:
        same(simulate(network, inputs, engine=engine, probes=EVERYTHING, seed=seed), network, expected)
    return sum(int(run.spikes.sum()) for run in expected)


def same(found: Simulation, network: CoreNetwork, expected: list[oracle.OracleRun]) -> None:
    assert found.raster is not None
    np.testing.assert_array_equal(found.raster, [run.spikes for run in expected])
    assert found.raster_potentials is not None
    np.testing.assert_array_equal(found.raster_potentials, [run.potentials for run in expected])
    for table in network.populations:
        spikes = np.stack([oracle.population(run, network, table.name) for run in expected])
        np.testing.assert_array_equal(found.spikes[table.name], spikes)
        np.testing.assert_array_equal(found.counts[table.name], spikes.sum(-1))
        when = table.depth + network.step * np.arange(network.n_ticks)
        potentials = np.stack([run.potentials[when][:, table.core, table.slot] for run in expected])
        np.testing.assert_array_equal(found.potentials[table.name], potentials)
    activity = found.activity
    np.testing.assert_array_equal(activity.spikes, sum(r.spikes.sum((0, 2)) for r in expected))
    np.testing.assert_array_equal(activity.axon_events, sum(r.axon_events for r in expected))
    np.testing.assert_array_equal(activity.synaptic_events, sum(r.synaptic_events for r in expected))


@pytest.mark.parametrize("part", range(3))
def test_engines_equal_the_oracle(part: int) -> None:
    active = [compare(random_network(seed), seed) > 0 for seed in range(20 * part, 20 * (part + 1))]
    assert sum(active) >= 15


@pytest.mark.parametrize("part", range(2))
def test_engines_equal_the_oracle_in_stochastic_modes(part: int) -> None:
    seeds = range(1000 + 10 * part, 1000 + 10 * (part + 1))
    assert min(compare(random_network(seed, stochastic=True), seed) for seed in seeds) > 0
