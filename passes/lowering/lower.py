"""Lower: from a Graph to a float Network, one population per neuron module.

Walks the graph once with affine forms (`forms`, `linear_ops`): what reaches a neuron is a sum of
operators over spikes and inputs, so BatchNorm, average pooling, scales and reshapes fold into one
operator per (source, target). Time and batch are taken away by the axis analysis; unrolled loops
are rolled up when all their ticks have equal forms. What reaches an output becomes a readout, where it
is a sum of spikes, else a program of the host.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, FindingsError, Location
from neurocompile.ir.axes import Layouts, Role, layouts
from neurocompile.ir.graph import Graph, constant, location, neuron_class
from neurocompile.ir.host_program import HostProgram
from neurocompile.ir.network import (
    Bias,
    Input,
    InputKind,
    Network,
    Population,
    Projection,
    Readout,
)
from neurocompile.ir.neuron_node import NeuronNode, as_neuron
from neurocompile.ir.operators import Dense, Shape, Sparse, identity, smaller
from neurocompile.ir.tick_count import n_ticks_of
from neurocompile.passes.legality.allow import Allow
from neurocompile.passes.legality.cut import Cut, cut
from neurocompile.passes.legality.functions import functions_of
from neurocompile.passes.lowering.deviation import (
    description,
    deviation,
    repeated_uses,
    uneven_uses,
)
from neurocompile.passes.lowering.forms import EACH_TICK, STATIC, Form, TickSource, equal
from neurocompile.passes.lowering.gates import Gate, GateUses, gate_of
from neurocompile.passes.lowering.linear_ops import OPS, affine_function, tick_vector
from neurocompile.passes.lowering.outputs import outputs_of
from neurocompile.passes.lowering.token_means import average_tokens
from neurocompile.passes.lowering.walk import (
    FormWalk,
    Tokens,
    data_sizes,
    encoder_hint,
    layout_of,
    static_value,
    tick_shape,
    unsupported_op,
)
from neurocompile.passes.lowering.wiring_ops import rounds
from neurocompile.semantics.floating import POTENTIAL, at_rest
from neurocompile.semantics.normal_form import FloatNeuron, NoNormalForm, NormalForm, normal_form

GROWTH_NOTED = 1.5  # composed weights per weight of the layers
SHARED = ("if memory binds, let one convolution with zero padding or one linear layer stand between two "
          "neurons: other padding, upsampling, or a layer that is called on parts of its input "
          "stores each shared weight once for every place where it acts")
ONE = "one"  # the input that carries biases into synaptic currents


@dataclass(frozen=True, eq=False)
class _ModuleNeurons:
    """One module's neurons: their nodes, and what reaches them in each tick."""

    nodes: list[ir.Node]
    shape: Shape
    model: FloatNeuron
    ticks: list[Form]  # of what reaches it, gains and offsets included
    direct: NDArray[np.float64]  # a constant added to v beside the synaptic current; may be empty

    @property
    def node(self) -> ir.Node:
        """That of the first tick."""
        return self.nodes[0]


def lower(graph: Graph, allow: Iterable[str] = (), outputs: Sequence[str] = (), *,
          tokens: Tokens | None = None, outline: bool = False) -> tuple[Network, list[Diagnostic]]:
    """The float network of a legal graph, and notes on what its layers compose into (NC131).

    `allow` names the opt-ins (`Allow`) with which it is legal, `outputs` the outputs that are wanted:
    all, if empty. With `tokens`, means over tokens
    are means over the kept ones; nothing else is pruned. An `outline` has no synapses of its
    layers, so that a large network takes little memory; ticks with other weights then pass as equal.
    Raises FindingsError: NC110 for an op without a linear form, NC112 for ticks that differ,
    NC107 for a start state that is not the resting one, NC113 for unclear axes, NC129 where no
    output can be computed from spikes.
    """
    axes = layouts(graph)
    affine = functions_of(graph).affine
    parts = cut(graph, axes, affine, outputs)
    chip_neurons = [neuron for neuron in graph.neurons() if neuron.node in parts.chip]
    n_ticks = _n_ticks(graph, chip_neurons, axes)
    inputs = [_input(graph, axes, value, number)
              for number, value in enumerate(graph.model.graph.inputs)]
    analog = frozenset(item.name for item, facts in zip(inputs, graph.info["inputs"], strict=True)
                       if not facts["integers"])
    walk = FormWalk(axes, {}, n_ticks, affine, analog, frozenset(map(Allow, allow)), tokens=tokens,
                    outline=outline)
    for value, item in zip(graph.model.graph.inputs, inputs, strict=True):
        when = STATIC if item.kind is InputKind.STATIC else EACH_TICK
        walk.forms[str(value.name)] = _unit(item.name, when, item.shape)
    neurons: dict[str, _ModuleNeurons] = {}
    live = parts.live
    gates = GateUses(frozenset({
        *(neuron.module for neuron in chip_neurons), *(item.name for item in inputs), ONE}))
    for node in graph.nodes():
        if node not in live:
            continue
        neuron = as_neuron(node)
        if node not in parts.chip:
            if neuron is None:
                _visit_tail(walk, node, gates, neurons)
        elif neuron is not None:
            _visit_neuron(walk, graph, neuron, neurons)
        elif node in affine or any(walk.form(value) for value in node.inputs):  # not made of neurons' states alone
            _visit_operator(walk, node, gates, neurons)
    findings = list(gates.uneven(n_ticks))
    if findings:
        raise FindingsError(*findings)
    return _network(graph, walk, inputs, neurons, parts)


def _visit_tail(walk: FormWalk, node: ir.Node, gates: GateUses,
                neurons: dict[str, _ModuleNeurons]) -> None:
    """An operator behind the last neurons: it has a form where it is linear or a gate, and need not."""
    values = [walk.affine[node].base] if node in walk.affine else node.inputs
    dynamic = [value for value in values if walk.layouts.is_dynamic(value)]
    if not dynamic or any(walk.form(value) is None for value in dynamic):
        return
    try:
        _visit_operator(walk, node, gates, neurons)
    except FindingsError:  # the host's
        walk.forms.pop(str(node.outputs[0].name), None)


def _visit_operator(walk: FormWalk, node: ir.Node, gates: GateUses,
                    neurons: dict[str, _ModuleNeurons]) -> None:
    if node in walk.affine:
        affine_function(walk, node)
        return
    if constant(node.outputs[0]) is not None:
        return
    own_gate = gate_of(walk, node, neurons)
    if own_gate is not None:
        _visit_gate(walk, own_gate, gates.add(own_gate), neurons)
        return
    if node.op_type not in OPS:
        raise unsupported_op(node, "it is not linear", encoder_hint(walk, node, neurons))
    if rounds(walk, node):
        raise unsupported_op(node, "it rounds", encoder_hint(walk, node, neurons))
    OPS[node.op_type](walk, node)
    average_tokens(walk, node, OPS[node.op_type])


def _n_ticks(graph: Graph, neurons: Sequence[NeuronNode], axes: Layouts) -> int:
    """Ticks per sample: the length of the neurons' time axis, or of the unrolled loop."""
    findings = [*repeated_uses(neurons, axes), *uneven_uses(neurons, axes)]
    if findings:
        raise FindingsError(*findings)
    return n_ticks_of(graph, axes)


def _unit(name: str, when: int | str, shape: Shape) -> Form:
    return Form({TickSource(name, when): identity(shape)}, np.zeros(math.prod(shape)))


def _input(graph: Graph, axes: Layouts, value: ir.Value, number: int) -> Input:
    layout = axes.layout(value)
    if layout is None:
        raise FindingsError(Diagnostic("NC113", Location(str(value.name)), {
            "module": str(value.name), "reason": "its axes cannot be followed"}))
    has_time = bool(axes.positions(value, Role.TIME))
    info = graph.info["inputs"][number]
    spikes = has_time and info["integers"]
    kind = InputKind.SPIKES if spikes else InputKind.ANALOG if has_time else InputKind.STATIC
    return Input(str(value.name), tick_shape(layout), kind, low=info["low"], high=info["high"],
                 levels=max(1, int(info["high"])) if spikes else 1)


def _visit_neuron(walk: FormWalk, graph: Graph, neuron: NeuronNode,
                  neurons: dict[str, _ModuleNeurons]) -> None:
    module, normal = neuron.module, _normal_form(graph, neuron)
    form, direct = _drive(walk, neuron, normal)
    tick = walk.layouts.tick_of.get(neuron.train)
    population = neurons.get(module)
    if population is None:
        _check_start(neuron, normal)
        shape = _neuron_shape(walk, neuron) or (form.size,)
        population = neurons[module] = _ModuleNeurons([], shape, normal.neuron, [], direct)
    else:
        _check_carried(neuron)
        if not np.array_equal(direct, population.direct):
            raise FindingsError(Diagnostic("NC112", location(neuron.node), {
                "tick": len(population.ticks), "module": module, "other": 0,
                "what": "another constant beside the synaptic current"}))
    population.nodes.append(neuron.node)
    population.ticks.append(form)
    when = EACH_TICK if tick is None else tick
    walk.forms[neuron.train] = _unit(module, when, population.shape)


def _visit_gate(walk: FormWalk, gate: Gate, name: str, neurons: dict[str, _ModuleNeurons]) -> None:
    node, size = gate.node, gate.form.size
    shape = tick_shape(layout_of(walk, node.outputs[0], node))
    population = neurons.setdefault(name, _ModuleNeurons(
        [], shape if math.prod(shape) == size else (size,), gate.model, [], np.zeros(0)))
    population.nodes.append(node)
    population.ticks.append(gate.form)
    walk.forms[str(node.outputs[0].name)] = _unit(name, gate.when, population.shape)


def _normal_form(graph: Graph, neuron: NeuronNode) -> NormalForm:
    profile = graph.profile(neuron)
    try:
        return normal_form(profile, neuron.constants)
    except NoNormalForm as reason:
        raise FindingsError(Diagnostic("NC201", location(neuron.node), {
            "module": neuron.module, "cls": neuron_class(neuron) or profile.name,
            "profile": profile.name, "reason": str(reason)})) from None


def _drive(walk: FormWalk, neuron: NeuronNode, normal: NormalForm
           ) -> tuple[Form, NDArray[np.float64]]:
    """What a neuron in normal form integrates: its inputs with their gains; and beside it."""
    form = walk.form(neuron.current)
    if form is None:
        raise unsupported_op(neuron.node, "its input does not depend on the model's input")
    form, direct = _with_gain(form, normal.gain), np.zeros(0)
    second, static = walk.form(neuron.second_current), static_value(neuron.second_current)
    if second is not None:
        if normal.direct_y:
            raise unsupported_op(neuron.node, "its second input passes by its synaptic current")
        form = form.plus(_with_gain(second, normal.gain_y))
    elif static is not None:
        offset = tick_vector(walk, neuron.node, neuron.spikes, static) * normal.gain_y
        form, direct = (form, offset) if normal.direct_y else (form.plus_constant(offset), direct)
    form = form.plus_constant(np.full(form.size, normal.offset)) if normal.offset else form
    return form, direct


def _with_gain(form: Form, gain: float) -> Form:
    return form if gain == 1.0 else form.times(np.full(form.size, gain))


def _neuron_shape(walk: FormWalk, neuron: NeuronNode) -> Shape:
    """Shape of one tick of one sample: axis 1 counts where more than the batch is merged in it."""
    _, beside, *rest = data_sizes(layout_of(walk, neuron.spikes, neuron.node))
    return (beside, *rest) if beside > 1 else tuple(rest)


def _check_start(neuron: NeuronNode, normal: NormalForm) -> None:
    """A sample starts at rest: at the potential that a reset leads to, all other states at 0."""
    for name, rest in at_rest(neuron.states, normal.rest).items():
        state = constant(neuron.initial[name])
        if state is None or not np.all(state == np.float32(rest)):
            start = "a value of the graph" if state is None else f"{np.asarray(state).flat[0]:.4g}"
            raise FindingsError(Diagnostic("NC107", location(neuron.node), {
                "module": neuron.module, "expected": rest, "found": f"{name} = {start}"}))


def _check_carried(neuron: NeuronNode) -> None:
    """Later ticks of a loop start from the state of the tick before, and from nothing else."""
    for name, value in neuron.initial.items():
        before = as_neuron(value.producer()) if value is not None else None
        if constant(value) is not None and name != POTENTIAL:
            continue  # of a neuron that does not use it
        if before is None or before.module != neuron.module:
            raise FindingsError(Diagnostic("NC107", location(neuron.node), {
                "module": neuron.module, "expected": "that of the tick before",
                "found": "another value of the graph"}))


def _network(graph: Graph, walk: FormWalk, inputs: list[Input],
             neurons: dict[str, _ModuleNeurons], parts: Cut) -> tuple[Network, list[Diagnostic]]:
    populations: list[Population] = []
    notes: list[Diagnostic] = []
    projections: list[Projection] = []
    for module, neuron in neurons.items():
        form, delays = _roll_up(module, neuron, walk.layouts)
        where = location(neuron.node)
        model = neuron.model
        bias = Bias(form.bias) if np.any(form.bias) else None
        sources = Counter(source.name for source in form.terms)
        for source, operator in form.terms.items():
            if sources[source.name] > 1:  # by delays: each part holds its own synapses only
                operator = smaller(operator)
            projection = Projection(source.name, module, operator,
                                    delay=delays.get(source, 0), where=where)
            projections.append(projection)
            layers, after = form.layers_of(source), operator.weights.size
            if layers.weights and after > GROWTH_NOTED * layers.weights:
                notes.append(Diagnostic("NC131", where, {
                    "projection": projection.name, "before": layers.weights, "after": after},
                    hint=SHARED if layers.depth == 1 and isinstance(operator, Sparse) else None))
        if bias is not None and model.alpha is not None:  # through the synaptic current
            projections.append(Projection(
                ONE, module, Dense((1,), neuron.shape, bias.mantissa[:, None]), where=where))
            bias = None
        if np.any(neuron.direct):  # only beside a synaptic current
            bias = Bias(neuron.direct)
        populations.append(Population(module, neuron.shape, model, bias, where=where))
    if any(p.source == ONE for p in projections):
        inputs = [*inputs, Input(ONE, (1,), InputKind.ONE)]
    outputs = list(outputs_of(graph, walk, parts))
    sources_in_use = {p.source for p in projections} | {
        name for output in outputs for name in output.sources}
    network = Network(
        tuple(item for item in inputs if item.name in sources_in_use), tuple(populations),
        tuple(projections), tuple(one for one in outputs if isinstance(one, Readout)), walk.n_ticks,
        host_programs=tuple(one for one in outputs if isinstance(one, HostProgram)))
    return network, notes


def _roll_up(module: str, neuron: _ModuleNeurons, axes: Layouts
             ) -> tuple[Form, dict[TickSource, int]]:
    """One form for all ticks, and the delay of each source in it (1: from the tick before)."""
    if len(neuron.ticks) == 1 and not any(isinstance(s.when, int) for s in neuron.ticks[0].terms):
        return neuron.ticks[0], {}

    def relative(form: Form, tick: int) -> Form:
        return form.at(
            lambda s: TickSource(s.name, s.when - tick) if isinstance(s.when, int) else s)
    last = len(neuron.ticks) - 1
    steady = relative(neuron.ticks[last], last)
    for tick, form in enumerate(neuron.ticks):
        expected = Form({s: o for s, o in steady.terms.items()
                       if not isinstance(s.when, int) or tick + s.when >= 0}, steady.bias)
        if not equal(relative(form, tick), expected):
            here, there = deviation(neuron.nodes[tick], neuron.nodes[last], axes)
            raise FindingsError(Diagnostic("NC112", location(here), {
                "tick": tick, "module": module, "other": last,
                "what": description(here, there)}))
    delays = {s: -s.when for s in steady.terms if isinstance(s.when, int)}
    return steady, delays
