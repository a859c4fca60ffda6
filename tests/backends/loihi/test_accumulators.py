"""Readouts that the emitted program adds up: v at the end of each sample, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from neurocompile.array_file import write_arrays
from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection, Readout
from neurocompile.ir.operators import Dense
from neurocompile.passes.loihi.accumulate import accumulate
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget


def network(target: LoihiTarget, ticks: int = 5) -> Network:
    """Two populations of different depth into one sum, and a second readout on the host."""
    rng = np.random.default_rng(4)
    cell = FloatNeuron("LIF", 0.75, 1.0, False, Reset.HARD)

    def dense(n_in: int, n_out: int, size: float = 0.4) -> Dense:
        return Dense((n_in,), (n_out,), rng.normal(0, size, (n_out, n_in)))
    floating = Network(
        (Input("x", (20,), InputKind.SPIKES),),
        (Population("a", (30,), cell, Bias(rng.normal(0.1, 0.1, 30))), Population("b", (25,), cell)),
        (Projection("x", "a", dense(20, 30)), Projection("a", "b", dense(30, 25))),
        (Readout("y", (7,), (("a", dense(30, 7, 1)), ("b", dense(25, 7, 1))), rng.normal(0, 1, 7)),
         Readout("z", (4,), (("b", dense(25, 4)),), np.zeros(4), "each")), ticks)
    return LoihiQuantizer(8).run(accumulate(floating, "chip", target, 8)[0], target)[0]


def inputs(integers: Network, samples: int = 6) -> dict[str, np.ndarray]:
    shape = (samples, integers.n_ticks, 20)
    return {"x": (np.random.default_rng(5).random(shape) < 0.4).astype(float)}


@pytest.mark.lava
def test_sums_of_lava_equal_the_references(tmp_path: Path, loihi2: LoihiTarget) -> None:
    integers = network(loihi2)
    schedule, x = align(integers), inputs(integers)
    files = emit(integers, schedule, loihi2, tmp_path / "program").files
    assert not [f for f in files if f.suffix == ".net"]
    reference = synchronous.run(integers, x)
    assert (reference.sums["y.sum"] != 0).all()
    verification = verify(tmp_path / "program", integers, schedule, x, reference, work=tmp_path)
    assert (verification.differences, verification.diagnostics, verification.sums) == (0, (), 6 * 7)
    assert verification.summary == (
        f"verified on 6 samples, 30 ticks, {verification.spikes:,} spikes, 42 sums: 0 differences")
    assert {f.name for f in (tmp_path / "run").glob("*.npy")} == {
        "n000.npy", "n001.npy", "sum_n002.npy"}
    assert np.load(tmp_path / "run" / "sum_n002.npy").shape == (6, 7)
    weights = dict(np.load(tmp_path / "program" / "weights.npz"))
    weights["p003"][2] = -weights["p003"][2]  # b into the sum of output 2
    write_arrays(tmp_path / "program" / "weights.npz", weights)
    verification = verify(tmp_path / "program", integers, schedule, x, reference, work=tmp_path)
    first = verification.diagnostics[0]
    assert (first.code, first.values["population"], first.values["neuron"]) == ("NC702", "y.sum", 2)
    assert first.values["tick"] == integers.n_ticks - 1
    assert first.values["expected"] == f"a sum of {reference.sums['y.sum'][0, 2]:,}"


def test_the_program_says_what_it_reads(tmp_path: Path, loihi2: LoihiTarget) -> None:
    integers = network(loihi2)
    emit(integers, align(integers), loihi2, tmp_path)
    assert 'SUMS = ["n002"]' in (tmp_path / "net.py").read_text()
    assert "`sum_n002.npy`" in (tmp_path / "README.md").read_text()
    host = dataclasses.replace(integers, readouts=integers.readouts[1:],
                               populations=integers.populations[:2],
                               projections=integers.projections[:2])
    emit(host, align(host), loihi2, tmp_path)
    assert "SUMS" not in (tmp_path / "net.py").read_text()
