"""Adders on Lava and in the reference: sums, spikes and states as the specification has them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurocompile.array_file import write_arrays
from neurocompile.backends import synchronous
from neurocompile.backends.loihi.bits import check_bits
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.inputs import program_inputs
from neurocompile.backends.loihi.plan import part_ids
from neurocompile.backends.loihi.worker import Job, run_program
from neurocompile.backends.results import Reference
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Adder, Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense, identity
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi.align import align
from neurocompile.passes.quantization.sums import synaptic_range
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget
from tests.backends.loihi.conftest import Case
from tests.loihi import loihi_target

SAMPLES, TICKS, SHAPE = 3, 5, (2, 3, 3)
SIZE = 18
Simulate = Callable[[Network, dict[str, np.ndarray]], Reference]


def with_ranges(network: Network) -> Network:
    """Its adders with the ranges of their sums."""
    for population in network.order():
        if population.graded:
            adder = replace(population, neuron=Adder(*synaptic_range(network, population)))
            network = replace(network, populations=tuple(
                adder if p is population else p for p in network.populations))
    return network


def stream() -> Network:
    """A chain of adders with payloads of both signs; consumers of several kinds and distances."""
    rng = np.random.default_rng(3)

    def weights(*size: int) -> np.ndarray:
        return (rng.integers(-40, 52, size) * 2).astype(np.int32)

    def cell(vth: int, reset: Reset = Reset.HARD, du: int = 4095) -> LoihiNeuron:
        return LoihiNeuron(du, 700, vth, reset, vth if reset is Reset.SOFT else 0)

    populations = (
        Population("a", SHAPE, cell(60)), Population("sum1", SHAPE, Adder()),
        Population("b", SHAPE, cell(90), Bias(rng.integers(-200, 900, SIZE), 2)),
        Population("sum2", SHAPE, Adder()),
        Population("c", SHAPE, cell(150, Reset.SOFT)), Population("d", SHAPE, cell(120, du=2000)),
        Population("late", SHAPE, cell(700)))
    wire, dense = identity(SHAPE), Dense(SHAPE, SHAPE, weights(SIZE, SIZE))
    wire = wire.with_weights(wire.weights.astype(np.int32))
    projections = (
        Projection("x", "a", Conv(SHAPE, SHAPE, weights(2, 2, 3, 3), padding=(1, 1))),
        Projection("a", "sum1", Conv(SHAPE, SHAPE, weights(2, 2, 3, 3), padding=(1, 1)), 1),
        Projection("x", "sum1", dense), Projection("sum1", "b", wire),
        Projection("sum1", "sum2", wire),
        Projection("b", "sum2", Dense(SHAPE, SHAPE, weights(SIZE, SIZE))),
        Projection("sum2", "c", wire), Projection("sum2", "d", wire.with_weights(wire.weights * 3), 1),
        Projection("c", "late", Dense(SHAPE, SHAPE, weights(SIZE, SIZE))),
        Projection("sum1", "late", wire),  # waits two steps more
        Projection("sum2", "late", wire.with_weights(wire.weights * 2)))
    return with_ranges(Network((Input("x", SHAPE, InputKind.SPIKES),), populations, projections, (),
                           TICKS))


@pytest.fixture(scope="module")
def network() -> Network:
    return stream()


@pytest.fixture(scope="module")
def inputs() -> dict[str, np.ndarray]:
    return {"x": (np.random.default_rng(1).random((SAMPLES, TICKS, *SHAPE)) < 0.4).astype(float)}


@pytest.fixture(scope="module")
def reference(network: Network, inputs: dict[str, np.ndarray], simulate: Simulate) -> Reference:
    states = simulate(network, inputs)
    for population in network.populations:
        spikes = states.spikes[population.name]
        assert 0.05 < np.mean(spikes != 0), population.name
        assert (spikes.min() < 0) == population.graded
    return states


def test_reference_equals_the_specification(network: Network, inputs: dict[str, np.ndarray],
                                            reference: Reference) -> None:
    result = synchronous.run(network, inputs, record_state=True)
    for name, spikes in reference.spikes.items():
        assert np.array_equal(result.spikes[name], spikes), name
        assert np.array_equal(result.v[name], reference.v[name]), name


@pytest.mark.lava
def test_lava_equals_the_specification(network: Network, inputs: dict[str, np.ndarray],
                                       reference: Reference, loihi2: LoihiTarget, tmp_path: Path) -> None:
    schedule = align(network)
    assert check_bits(network, schedule, loihi2) == ()
    emission = emit(network, schedule, loihi2, tmp_path / "program")
    assert [d.code for d in emission.diagnostics].count("NC605") == 3  # two adders, a soft reset
    write_arrays(tmp_path / "inputs.npz", program_inputs(network, inputs, {}))
    run_program(Job(tmp_path / "program", tmp_path, tmp_path / "inputs.npz", SAMPLES, state=True))
    ids = part_ids(network)
    for population in network.populations:
        name = population.name
        spikes, v = (np.load(tmp_path / f"{key}{ids[name]}.npy") for key in ("", "v_"))
        assert spikes.dtype == (np.int32 if population.graded else np.uint8)
        assert np.array_equal(spikes, reference.spikes[name].reshape(spikes.shape)), name
        assert np.array_equal(v, reference.v[name].reshape(v.shape)), name


def test_program_says_what_adds(network: Network, loihi2: LoihiTarget, tmp_path: Path) -> None:
    emit(network, align(network), loihi2, tmp_path)
    readme = (tmp_path / "README.md").read_text()
    assert "`n001` (GradedSum) needs a neuron program of its own." in readme
    assert "n001, n003 send whole numbers" in readme
    data = json.loads((tmp_path / "network.json").read_text())
    assert [p["name"] for p in data["populations"] if p.get("graded")] == ["sum1", "sum2"]
    bits = {p["message_bits"] for p in data["projections"] if p["source"] in ("n001", "n003")}
    assert bits == {24}


def test_programs_without_adders_hold_nothing_of_them(zoo: Case, loihi2: LoihiTarget,
                                                       tmp_path: Path) -> None:
    emit(zoo.network, zoo.schedule, loihi2, tmp_path)
    assert not (tmp_path / "processes" / "graded.py").exists()
    assert "raded" not in (tmp_path / "net.py").read_text()


def with_range(network: Network, reach: int) -> tuple[Network, Schedule]:
    wide = Adder(np.full(SIZE, -reach), np.full(SIZE, reach))
    populations = tuple(replace(p, neuron=wide) if p.name == "sum1" else p
                        for p in network.populations)
    changed_network = replace(network, populations=populations)
    return changed_network, align(changed_network)


def test_payloads_that_no_message_holds(network: Network, loihi2: LoihiTarget) -> None:
    codes = [d.code for d in check_bits(*with_range(network, (1 << 23) - 1), loihi2)]
    assert "NC309" not in codes
    assert "NC303" in codes  # of its consumers
    assert "NC309" in [d.code for d in check_bits(*with_range(network, 1 << 23), loihi2)]
    with pytest.raises(FindingsError, match="NC309"):
        emit(network, align(network), loihi_target("loihi1"), Path("nowhere"))
