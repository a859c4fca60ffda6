"""Sums that reach a synapse without a neuron between, and chains of synapses.

NC124: a weighted sum. NC125: a sum of spikes. NC133: either, as one projection a branch (opt-in).
NC132: a chain that stores more as one synapse (opt-in).
"""

from __future__ import annotations

import onnx_ir as ir

from neurocompile.passes.legality.allow import Allow, with_opt_in
from neurocompile.passes.legality.price import branches, composition, data_size, distribution
from neurocompile.passes.legality.spike_types import Current
from neurocompile.passes.legality.walk import TypeWalk

GROWTH_NOTED = 1.5  # connections of a composed chain per connection of its layers
NOT_FOLLOWED = "its axes cannot be followed"
PRICE_NOTE = "`build` makes one projection a branch"


def residual(node: ir.Node, walk: TypeWalk, kind: Current) -> bool:
    """Report a joined current at a synapse: an error, or (True) its price where allowed."""
    levels = _plain_levels(node, walk, kind)
    code = "NC124" if levels is None else "NC125"
    allowed = Allow.RESIDUAL_DISTRIBUTION in walk.allow
    if not allowed and walk.reports(code, node):
        return False
    operand = next(v for v in node.inputs if v is not None and walk.type_of(v) is kind)
    trains = branches(walk, operand, kind.sources)
    names = sorted({walk.modules.get(train, train) for train in trains})
    text = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    notes = [f"branches from {text}",
             f"by linearity it equals {len(trains)} projections, one a branch"]
    values: dict[str, object] = {"branches": len(trains), "levels": levels or kind.levels,
                                 "op": node.op_type}
    reason = _refusal(node, walk, kind, operand)
    price = distribution(walk, node, operand, trains) if allowed and not reason else None
    if price is not None:
        walk.report("NC133", node, {**values, **price.values()}, notes=(notes[0], PRICE_NOTE))
        return True
    if allowed:
        notes.append(f"`--allow {Allow.RESIDUAL_DISTRIBUTION}` does not hold here: "
                     f"{reason or NOT_FOLLOWED}")
    walk.report(code, node, values, notes=notes, hint=None if allowed or reason else with_opt_in(
        code, Allow.RESIDUAL_DISTRIBUTION, "makes one projection a branch"))
    return False


def _refusal(node: ir.Node, walk: TypeWalk, kind: Current, operand: ir.Value) -> str:
    """Why one projection a branch would not be exact, or not be found; empty where it would."""
    if kind.reported:
        return "a branch was refused before"
    sizes = data_size(walk, operand) and data_size(walk, node.outputs[0])
    return "" if sizes else NOT_FOLLOWED


def _plain_levels(node: ir.Node, walk: TypeWalk, kind: Current) -> int | None:
    """The most spikes that a joined current adds up; None where it is more than their sum.

    Weights that the operator itself applies, by a product before its sum, do not count.
    """
    if not kind.weighted:
        return kind.levels
    operands = [v for v in node.inputs if v is not None and walk.type_of(v) is kind]
    for value in operands:
        before = value.producer()
        if node.op_type.startswith("Reduce") and before is not None and before.op_type == "Mul":
            operands += [v for v in before.inputs if v is not None and walk.layouts.is_dynamic(v)]
    return next((walk.functions.whole[v] for v in operands if v in walk.functions.whole), None)


def note_growth(node: ir.Node, walk: TypeWalk) -> None:
    """Note the price of a chain without a neuron that grows when it becomes one synapse."""
    for value in node.inputs:
        price = composition(walk, node, value) if walk.layouts.is_dynamic(value) else None
        if price is not None and price[1] > GROWTH_NOTED * price[0]:
            before, after = price
            walk.report("NC132", node, {"op": node.op_type, "before": before, "after": after,
                                        "neurons": 0, "synapses": after - before, "axons": 0,
                                        "ticks": 0})
