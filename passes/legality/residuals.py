"""Sums that reach a synapse without a neuron between, and chains of synapses.

NC124: a weighted sum. NC125: a sum of spikes. NC133: either, as one projection a branch (opt-in).
NC132: a chain that stores more as one synapse (opt-in).
"""

from __future__ import annotations

import onnx_ir as ir

from neurocompile.passes.legality.allow import Allow
from neurocompile.passes.legality.price import composition, distribution
from neurocompile.passes.legality.spike_types import Current
from neurocompile.passes.legality.walk import TypeWalk

GROWTH_NOTED = 1.5  # connections of a composed chain per connection of its layers
PRICE_NOTE = "`build` makes one projection a branch"


def residual(node: ir.Node, walk: TypeWalk, kind: Current) -> bool:
    """Report a joined current at a synapse: an error, or (True) its price where allowed."""
    names = sorted({walk.modules.get(source, source) for source in kind.sources})
    text = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    branches = f"branches from {text}"
    levels = _plain_levels(node, walk, kind)
    values: dict[str, object] = {"branches": len(kind.sources), "levels": levels or kind.levels,
                                 "op": node.op_type}
    equal = f"by linearity it equals {len(kind.sources)} projections, one a branch"
    notes = [branches, equal]
    if Allow.RESIDUAL_DISTRIBUTION in walk.allow:
        operand = next(v for v in node.inputs if walk.type_of(v) is kind)
        price = distribution(walk, node, operand)
        if price is not None and not kind.reported:
            walk.report("NC133", node, {**values, **price.values()}, notes=(branches, PRICE_NOTE))
            return True
        reason = "a branch was refused before" if price else "its axes cannot be followed"
        notes.append(f"`--allow {Allow.RESIDUAL_DISTRIBUTION}` does not hold here: {reason}")
    walk.report("NC124" if levels is None else "NC125", node, values, notes=notes)
    return False


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
