"""What quantization changed, where that is worth a warning. NC302: weights. NC304: decays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurocompile.diagnostics import Diagnostic
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.encoding import Part
from neurocompile.passes.loihi.quantization.weight_grid import grid
from neurocompile.semantics.loihi import DECAY_ONE

_DRIFT_WARNED = 0.01
_CLIPPED_WARNED = 0.01


def clipped(part: Part, made: Part, bits: int) -> Iterator[Diagnostic]:
    """NC302 where many weights ended at the end of their grid."""
    for before, after in zip(part.synapses, made.synapses, strict=True):
        _, low, high = grid(before.operator.weights, bits)
        stored = after.operator.weights
        ended = np.count_nonzero((stored == low) | (stored == high)) if low else (
            np.count_nonzero(stored == high))
        share = ended / max(stored.size, 1)
        if share > _CLIPPED_WARNED:
            yield Diagnostic("NC302", before.where, {
                "projection": before.name, "share": share, "bits": bits})


def drifting(part: Part, made: Part, n_ticks: int) -> Iterator[Diagnostic]:
    """NC304 where a 12-bit decay is another one over a sample."""
    population = part.population
    old, new = population.floating, loihi_neuron(made.population)
    pairs = [("dv", old.decay, 1 - new.dv / DECAY_ONE)]
    if old.alpha is not None:
        pairs.append(("du", old.alpha, 1 - (new.du + 1) / DECAY_ONE))
    for state, exact, fixed in pairs:
        drift = abs(1 - (fixed / exact) ** n_ticks) if exact else 0.0
        if drift > _DRIFT_WARNED:
            yield Diagnostic("NC304", population.where, {
                "value": exact, "module": population.name, "fixed": f"{fixed:.6g}",
                "state": state, "ticks": n_ticks, "drift": f"{drift:.1%}"})
