"""Energy by the papers' formula: arithmetic only, 45 nm. No memory access, no routing, no leak.

E = 4.6 pJ per multiply-accumulate + 0.9 pJ per accumulate (Horowitz, ISSCC 2014), the estimate of
Spikformer, Spikingformer, STMixer and others.
"""

from __future__ import annotations

MAC_PJ = 4.6
AC_PJ = 0.9


def synaptic_operations(rate: float, n_ticks: int, macs: float) -> float:
    """Accumulates of a layer of `macs` per tick whose inputs fire at `rate` per tick."""
    return rate * n_ticks * macs


def arithmetic_energy(macs: float, sops: float) -> float:
    """Millijoules of `macs` multiply-accumulates and `sops` accumulates."""
    return (MAC_PJ * macs + AC_PJ * sops) * 1e-9


def conv_macs(inputs: int, outputs: int, kernel: int, out_side: int, n_ticks: int = 1) -> int:
    """Multiply-accumulates of a convolution to a square map; direct coding repeats the first."""
    return inputs * outputs * kernel**2 * out_side**2 * n_ticks
