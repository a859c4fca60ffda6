"""What quantization changed, where that is worth a warning. NC302: weights. NC304: decays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Population, Projection
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.weight_grid import grid
from neurocompile.semantics.loihi_widths import DECAY_ONE

_DRIFT_LIMIT = 0.01
_CLIP_LIMIT = 0.01
_SLACK = 4  # of 256: no weight is said to clip that loses less


def clip_warnings(floating: Iterable[Projection], exponents: Iterable[int],
                  scale: float) -> Iterator[Diagnostic]:
    """NC302 where many weights lie beyond the end of their grid; `scale` as in `IntegerPart`."""
    for before, exponent in zip(floating, exponents, strict=True):
        step, low, high = grid(before.operator.weights, before.weight_bits)
        exact = before.operator.weights * (scale / 2.0**exponent)
        slack = max(step / 2, _SLACK)
        beyond = np.count_nonzero((exact < low - slack) | (exact > high + slack))
        share = beyond / max(exact.size, 1)
        if share > _CLIP_LIMIT:
            yield Diagnostic("NC302", before.where, {
                "projection": before.name, "share": share, "bits": before.weight_bits})


def drift_warnings(floating: Population, integers: Population,
                   n_ticks: int) -> Iterator[Diagnostic]:
    """NC304 where a decay of few bits is another one over a sample."""
    old, new = floating.floating, loihi_neuron(integers)
    pairs = [("dv", old.decay, 1 - new.dv / DECAY_ONE)]
    if old.alpha is not None:
        pairs.append(("du", old.alpha, 1 - (new.du + 1) / DECAY_ONE))
    for state, exact, nearest in pairs:
        drift = abs(1 - (nearest / exact) ** n_ticks) if exact else 0.0
        if drift > _DRIFT_LIMIT:
            yield Diagnostic("NC304", floating.where, {
                "value": exact, "module": floating.name, "fixed": f"{nearest:.6g}",
                "state": state, "ticks": n_ticks, "drift": f"{drift:.1%}"})
