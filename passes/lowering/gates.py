"""Gates: a maximum or a product of binary spikes as a population of OR or AND neurons.

The operands' affine forms add up to a count of ones, which a threshold decides: 1/2 for OR, 3/2
for the AND of two. An OR of plain spikes keeps nothing from tick to tick, since any spike resets
it; the others have to forget (decay 0).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.graph import location
from neurocompile.passes.legality.allow import Allow
from neurocompile.passes.lowering.convolution_ops import window_sum
from neurocompile.passes.lowering.forms import EACH_TICK, Form, When
from neurocompile.passes.lowering.linear_ops import broadcast, reduction
from neurocompile.passes.lowering.walk import FormWalk, unsupported_op
from neurocompile.semantics.normal_form import AND, OR, FloatNeuron
from neurocompile.semantics.reset import Reset

MAXIMA = ("MaxPool", "GlobalMaxPool", "ReduceMax")
PRODUCTS = ("Mul", "And")


@dataclass(frozen=True, eq=False)
class Gate:
    """Neurons that decide a count of ones: what they integrate in a tick, and their model."""

    node: ir.Node
    form: Form
    model: FloatNeuron
    when: When  # EACH_TICK, or the tick of an unrolled loop


@dataclass(frozen=True, eq=False)
class GateUses:
    """The gates of a graph by name, and by the tick of each use.

    The name is that of the module and the kind, numbered where a module has several.
    """

    other_names: frozenset[str]  # names of neuron modules and inputs
    uses: dict[str, dict[When, Gate]] = field(default_factory=dict)

    def add(self, gate: Gate) -> str:
        """The gate's name: the first one of its module that has no use in that tick yet."""
        base = f"{location(gate.node).module or gate.node.op_type}.{gate.model.model.lower()}"
        names = (f"{base}{number if number > 1 else ''}" for number in itertools.count(1))
        name = next(name for name in names
                    if name not in self.other_names and gate.when not in self.uses.get(name, ()))
        self.uses.setdefault(name, {})[gate.when] = gate
        return name

    def uneven(self, n_ticks: int) -> Iterator[Diagnostic]:
        """NC112 for each gate of an unrolled loop that is not the same one in every tick."""
        for name, uses in self.uses.items():
            models = {gate.model for gate in uses.values()}
            if len(models) > 1 or list(uses) not in ([EACH_TICK], list(range(n_ticks))):
                yield Diagnostic("NC112", location(next(iter(uses.values())).node), {
                    "tick": "(all)", "module": name, "other": "(all)",
                    "what": f"it is used in {len(uses)} of {n_ticks} ticks, "
                            f"in {len(models)} forms"})


def gate_of(walk: FormWalk, node: ir.Node, populations: Collection[str]) -> Gate | None:
    """The gate that computes a node; None for a node that is none or has no opt-in.

    Raises FindingsError (NC110) where an operand is no binary spike of one of `populations`, or
    they are of different ticks.
    """
    operands = [form for value in node.inputs if (form := walk.form(value)) is not None]
    if node.op_type in MAXIMA and operands and Allow.OR_POOL in walk.allow:
        if math.prod(node.attributes.get_ints("kernel_shape", (0,))) == 1:
            return None
        kind, count, v_th = OR, _window_count(walk, node), 0.5
    elif node.op_type in PRODUCTS and len(operands) == 2 and (
            Allow.COINCIDENCE_GATES in walk.allow):
        first, second = (broadcast(walk, node, value, form)
                       for value, form in zip(node.inputs, operands, strict=True))
        kind, count, v_th = AND, first.plus(second), 1.5
    else:
        return None
    whens = {source.when for source in count.terms}
    when = whens.pop() if whens else EACH_TICK
    if whens or not (when == EACH_TICK or isinstance(when, int)):
        raise unsupported_op(node, "its operands are not of one tick")
    if not all(_binary(form, populations) for form in operands):
        raise unsupported_op(node, "its operands are not all binary spikes")
    count, v_th = _without_constant(count, v_th)
    resets = kind == OR and not np.any(count.bias) and all(
        np.all(operator.weights >= 0) for operator in count.terms.values())
    model = FloatNeuron(kind, 1.0 if resets else 0.0, v_th, True, Reset.HARD)
    return Gate(node, count, model, when)


def _window_count(walk: FormWalk, node: ir.Node) -> Form:
    """The sum of what a maximum is taken of."""
    form = walk.form(node.inputs[0])
    if node.op_type == "MaxPool" and form is not None:
        return form.through(window_sum(walk, node))
    return reduction(walk, node, mean=False)


def _binary(form: Form, populations: Collection[str]) -> bool:
    """Whether each element is a spike, the complement of one, or constantly 0 or 1."""
    entries, weights = np.zeros(form.size), np.zeros(form.size)
    for source, operator in form.terms.items():
        if source.name not in populations:
            return False
        matrix = operator.matrix()
        entries += (matrix != 0).sum(axis=1)
        weights += matrix.sum(axis=1)
    spike = (weights == 1) & (form.bias == 0)
    complement = (weights == -1) & (form.bias == 1)
    constant = (entries == 0) & np.isin(form.bias, (0, 1))
    return bool(np.all(constant | ((entries == 1) & (spike | complement))))


def _without_constant(count: Form, v_th: float) -> tuple[Form, float]:
    """A constant that all elements share is moved into the threshold, where that stays positive."""
    shared = float(count.bias[0])
    if shared < v_th and np.all(count.bias == shared):
        return count.plus_constant(-count.bias), v_th - shared
    return count, v_th
