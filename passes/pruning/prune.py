"""Prune: drop the tokens and the ticks that carry the fewest spikes; the same ones for every input.

The static form of DSTSP (see `calibrate`). Dropped tokens are neurons that no longer exist: token
mixers are cropped on both sides, W[kept][:, kept], and what averaged over tokens averages over the
kept ones. The paper's merging of dropped tokens has no published definition, and is not done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.ir.network import Network
from neurocompile.passes.lowering.walk import Tokens
from neurocompile.passes.pruning.calibrate import Runner, Selection, calibrate
from neurocompile.passes.pruning.drop import with_ticks, without_tokens
from neurocompile.passes.pruning.token_axis import token_axes

Relower = Callable[[Tokens], Network]


@dataclass(frozen=True, eq=False)
class Pruning:
    """A float network before and after, and what was kept."""

    selection: Selection
    before: Network
    after: Network

    def note(self) -> Diagnostic:
        """NC139: what changed."""
        axes = (("tokens", self.selection.tokens), ("ticks", self.selection.ticks))
        parts = [f"{name}: {axis.summary}" for name, axis in axes if axis is not None]
        return Diagnostic("NC139", values={
            "what": "; ".join(parts), "neurons": n_neurons(self.after),
            "of_neurons": n_neurons(self.before), "synapses": n_synapses(self.after),
            "of_synapses": n_synapses(self.before)})


def prune(network: Network, relower: Relower, tokens: float, steps: float, run: Runner | None,
          selection: Selection | None = None) -> Pruning:
    """Drop these shares of the tokens and of the ticks (0 <= share < 1) of a float network.

    `relower` lowers its graph again, with means over some tokens only. `selection` is taken as it
    is, where there is one; else `run` runs the calibration sample. Raises UsageError: NC009 for a
    share out of range, NC020 without a sample, NC021 without one axis of tokens, NC022 for outputs
    that read single ticks.
    """
    for option, share in (("prune-tokens", tokens), ("prune-steps", steps)):
        if not 0 <= share < 1:
            raise UsageError(Diagnostic("NC009", values={
                "option": f"--{option}", "value": f"{share:g}",
                "reason": "it is a share from 0 to below 1"}))
    axes = token_axes(network) if tokens else {}
    if selection is None:
        if run is None:
            raise UsageError(Diagnostic("NC020"))
        selection = calibrate(network, axes, tokens, steps, run)
    after = network
    if selection.tokens is not None:
        index = np.array(selection.tokens.numbers, np.int64)
        after = without_tokens(relower(Tokens(axes, index)), axes, index)
    if selection.ticks is not None:
        after = with_ticks(after, selection.ticks.numbers)
    return Pruning(selection, network, after)


def n_neurons(network: Network) -> int:
    """Neurons of all populations."""
    return sum(p.size for p in network.populations)


def n_synapses(network: Network) -> int:
    """Synapses of all projections, the analog ones of inputs among them."""
    return sum(p.operator.n_synapses for p in network.projections)
