"""Verify: the emitted program's spikes against the reference's, all of them, in every tick."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurocompile.array_file import write_arrays
from neurocompile.backends.loihi.inputs import program_inputs
from neurocompile.backends.loihi.plan import part_ids
from neurocompile.backends.loihi.worker import LOG, Job, run_program
from neurocompile.backends.results import PopulationComparison, Reference, Verification
from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.network import Network, Population
from neurocompile.ir.operators import Array
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT

PROGRAM = "the Lava program"


@dataclass(frozen=True, slots=True)
class _Place:
    """A difference; the order is that of events: sample, tick, depth of the population."""

    sample: int
    tick: int
    rank: int
    neuron: int
    population: Population
    sums: tuple[int, int] | None  # of an accumulator: the reference's and the program's

    @property
    def key(self) -> tuple[int, int, int, int]:
        return self.sample, self.tick, self.rank, self.neuron


def verify(program: Path, network: Network, schedule: Schedule, inputs: Mapping[str, Array],
           reference: Reference, *, limit: float = 600.0, lava_python: str | None = None,
           work: Path | None = None) -> Verification:
    """Run the program in `program` on `inputs` and compare it with `reference`.

    A difference is NC702 for the first one, with both membranes from a second run up to there;
    a population without any spike is NC703. Results of Lava stay in `work`; without it they go
    to a temporary folder, which is only kept when Lava fails, for its log.
    """
    folder = Path(tempfile.mkdtemp(prefix="neurocompile-")) if work is None else work
    folder.mkdir(parents=True, exist_ok=True)
    arrays = program_inputs(network, inputs, reference.spikes)
    samples = len(next(iter(reference.spikes.values())))
    if arrays:
        write_arrays(folder / "inputs.npz", arrays)
    job = Job(program, folder / "run", folder / "inputs.npz" if arrays else None, samples,
              limit=limit, lava_python=lava_python)
    seconds = run_program(job)
    ids = part_ids(network)
    rows: list[PopulationComparison] = []
    diagnostics: list[Diagnostic] = []
    first: _Place | None = None
    for rank, population in enumerate(p for p in network.order() if not p.on_host):
        is_sum = population.name in network.accumulators
        recording = (reference.sums if is_sum else reference.spikes)[population.name]
        expected = np.asarray(recording).reshape(samples, -1, population.size)
        actual = _result(job, f"{'sum_' if is_sum else ''}{ids[population.name]}")
        actual = actual.reshape(expected.shape)
        differs = expected != actual
        count = int(np.count_nonzero(expected))
        rows.append(PopulationComparison(population.name, population.size, 0 if is_sum else count,
                                 int(differs.sum()), count if is_sum else 0))
        if not count:
            diagnostics.append(Diagnostic("NC703", population.where,
                                          {"population": population.name}))
        if differs.any():
            at = np.unravel_index(int(differs.argmax()), differs.shape)
            sample, tick, neuron = map(int, at)
            place = _Place(sample, schedule.n_ticks - 1 if is_sum else tick, rank, neuron,
                           population, (int(expected[at]), int(actual[at])) if is_sum else None)
            first = place if first is None or place.key < first.key else first
    if first is not None:
        diagnostics.insert(0, _mismatch(first, job, schedule, reference, ids))
    if work is None:
        shutil.rmtree(folder, ignore_errors=True)
    return Verification(samples, schedule.n_ticks, tuple(rows), tuple(diagnostics), seconds)


def _result(job: Job, key: str) -> Array:
    """A result of a finished run, [rows, neurons]; NC603 where rows are missing."""
    try:
        rows: Array = np.load(job.output / f"{key}.npy", mmap_mode="r")
    except (OSError, ValueError) as error:
        raise FindingsError(Diagnostic("NC603", values={
            "reason": f"{key}.npy is incomplete: {error}",
            "log": str(job.output / LOG)})) from None
    return rows


def _mismatch(place: _Place, job: Job, schedule: Schedule, reference: Reference,
              ids: Mapping[str, str]) -> Diagnostic:
    """The first difference; one of spikes with the states that a second run has there."""
    population, name = place.population, place.population.name
    values = {"population": name, "sample": place.sample, "tick": place.tick,
              "neuron": place.neuron, "program": PROGRAM}
    if place.sums is not None:
        expected, actual = place.sums
        return Diagnostic("NC702", population.where, {
            **values, "expected": f"a sum of {expected:,}", "found": f"{actual:,}"})
    row = place.sample * schedule.n_ticks + place.tick
    again = Job(job.program, job.output.parent / "first-difference", job.inputs, job.samples,
                row + schedule.depth[name] + 1, True, job.limit, job.lava_python)
    run_program(again)
    spike = _result(again, ids[name])[row, place.neuron]
    v = int(_result(again, f"v_{ids[name]}")[row, place.neuron])
    at = (place.sample, place.tick, place.neuron)
    expected_v = f"{int(reference.v[name][at]):,}" if name in reference.v else "not recorded"
    level = "" if population.graded else (
        f"; threshold {loihi_neuron(population).vth << ACTIVATION_SHIFT:,}")
    return Diagnostic("NC702", population.where, {
        **values, "expected": int(reference.spikes[name][at]), "found": int(spike),
        "expected_v": expected_v, "found_v": v,
    }, notes=(f"v after that tick: reference {expected_v}, {PROGRAM} {v:,}{level}",))
