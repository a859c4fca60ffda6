"""The axis of tokens of a network: which neurons of each population belong to which token.

A token mixer is a matrix over one axis beside others. That axis is followed from there through all
operators that keep its numbers apart. A linear layer on every token looks the same with tokens and
channels exchanged; but channels leave the network with a weight each, tokens by their mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.ir.network import Network, Projection
from neurocompile.ir.operators import Axis, Operator, axis_beside, even, mixed_axes, mixers

TokenAxes = dict[str, Axis]


def token_axes(network: Network) -> TokenAxes:
    """The axis of tokens by population, of those that have one.

    Raises UsageError (NC021) when there is none, or more than one.
    """
    names = {p.name for p in network.populations}
    between = [p for p in network.projections if p.source in names]
    candidates: list[TokenAxes] = []
    reason = "no layer mixes tokens by a matrix beside other axes"
    for seed in _seeds(between):
        if any(seed.items() <= axes.items() for axes in candidates):
            continue
        axes = _spread(between, seed)
        problem = "an axis that layers mix meets itself in another place" if axes is None else next(
            _obstacles(network, axes), None)
        if axes is not None and problem is None:
            candidates.append(axes)
        reason = problem or reason
    lengths = [next(iter(axes.values())).length for axes in candidates]
    if len(candidates) > 1:
        reason = f"layers mix {len(candidates)} axes, of {' and '.join(map(str, lengths))} numbers"
    if len(candidates) != 1:
        raise UsageError(Diagnostic("NC021", values={"reason": reason}))
    return candidates[0]


def _seeds(between: Iterable[Projection]) -> Iterator[TokenAxes]:
    """What each possible mixer says of its source and target."""
    for projection in between:
        for before, after in mixers(projection.operator):
            if projection.source != projection.target or before == after:
                yield {projection.source: before, projection.target: after}


def _spread(between: Iterable[Projection], seed: TokenAxes) -> TokenAxes | None:
    """A seed carried on as far as it goes, both ways; None where it contradicts itself."""
    axes, before = dict(seed), 0
    while len(axes) > before:
        before = len(axes)
        for projection in between:
            for own, other, back in ((projection.source, projection.target, False),
                                     (projection.target, projection.source, True)):
                if own not in axes:
                    continue
                there = axis_beside(projection.operator, axes[own], of_outs=back)
                options = [] if there is None else [there]
                if there is None and other not in axes:
                    options = mixed_axes(projection.operator, axes[own], of_outs=back)
                if len(options) == 1 and axes.setdefault(other, options[0]) != options[0]:
                    return None
    return axes


def _obstacles(network: Network, axes: TokenAxes) -> Iterator[str]:
    """What reads the tokens of a network otherwise than by their mean."""
    for name, operator, axis in _leaving(network, axes):
        if not even(operator, axis):
            yield (f"`{name}` weighs the {axis.length} numbers of the axis that layers mix "
                   f"differently: only their mean can be pruned")
    for program in network.host_programs:
        if not axes.keys().isdisjoint(program.sources):
            yield f"a program of the host reads every token for output `{program.name}`"


def _leaving(network: Network, axes: TokenAxes) -> Iterator[tuple[str, Operator, Axis]]:
    """The operators from populations that have the axis to what has not, with their names."""
    for projection in network.projections:
        if projection.source in axes and projection.target not in axes:
            yield projection.name, projection.operator, axes[projection.source]
    for readout in network.readouts:
        for source, operator in readout.terms:
            if source in axes:
                yield readout.name, operator, axes[source]
