"""What an exact rewrite costs: neurons, synapses, axons and ticks that are added.

An estimate from shapes: how many elements of a population one element of a value depends on, axis
by axis. Windows are followed through chains of convolutions; borders count as if they were inside,
and groups that are not depthwise as if they were one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from neurocompile.ir.axes import Atom, Layout, Role
from neurocompile.ir.axis_space import shape_of
from neurocompile.ir.neuron_node import is_neuron
from neurocompile.passes.legality.ticks import joined_axes
from neurocompile.passes.legality.walk import TypeWalk

CONTRACTIONS = ("MatMul", "Gemm", "Einsum")
WINDOWS = ("Conv", "ConvTranspose", "AveragePool", "GlobalAveragePool")


@dataclass(frozen=True, slots=True)
class ExtraCost:
    """What is added, for one tick of one sample."""

    neurons: int = 0
    synapses: int = 0
    axons: int = 0
    ticks: int = 0

    def values(self) -> dict[str, object]:
        """As the values of a finding."""
        return {"neurons": self.neurons, "synapses": self.synapses, "axons": self.axons,
                "ticks": self.ticks}


SUMS = ("Add", "Sub", "Sum", "Mean", "Mul", "Div", "Where", "Concat")
Atoms = frozenset[Atom]


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Which elements of a population one element of a value depends on, axis by axis."""

    own: Atoms  # the population's data axes
    full: Atoms = frozenset()  # those that are summed over
    window: tuple[int, ...] = ()  # along the axes that convolutions slide over
    jump: tuple[int, ...] = ()  # elements of the plane per step of the value
    plane: tuple[int, ...] = ()  # the lengths of these axes in the population
    plane_atoms: Atoms = frozenset()  # its axes in the plane
    axes: tuple[Atoms, ...] = ()  # the value's axes that stand for them

    @property
    def size(self) -> int:
        """Elements of the population."""
        return math.prod(atom.size for atom in self.own)

    @property
    def count(self) -> int:
        """How many elements; never more than there are."""
        inside = math.prod(min(w, p) for w, p in zip(self.window, self.plane, strict=True))
        outside = math.prod(atom.size for atom in self.full - self.plane_atoms)
        return min(self.size, outside * inside)

    def sum_over(self, atoms: Atoms) -> ReceptiveField:
        """Through a sum over whole axes."""
        window = tuple(p if axis & atoms else w for w, p, axis in zip(
            self.window, self.plane, self.axes, strict=True))
        return replace(self, full=self.full | (atoms & self.own), window=window)

    def with_names(self, names: Mapping[Atom, Atom]) -> ReceptiveField:
        """The same of axes with other names."""
        def new(atoms: Atoms) -> Atoms:
            return frozenset(names.get(atom, atom) for atom in atoms)
        return replace(self, own=new(self.own), full=new(self.full),
                       plane_atoms=new(self.plane_atoms), axes=tuple(map(new, self.axes)))

    def through_window(self, node: ir.Node, before: Layout, after: Layout) -> ReceptiveField:
        """Through a convolution or a pool."""
        kernel, strides, dilations, channels = _window(node)
        new = tuple(frozenset(atoms) for atoms in after[2:])
        old = tuple(frozenset(atoms) for atoms in before[2:])
        if channels == 1 and [a.size for a in before[1]] == [b.size for b in after[1]]:
            field = self.with_names(dict(zip(before[1], after[1], strict=True)))  # depthwise
        else:
            field = self.sum_over(frozenset(before[1]))
        if not field.plane:
            plane = tuple(math.prod(atom.size for atom in atoms) for atoms in before[2:])
            window = tuple(p if atoms & field.full else 1
                           for p, atoms in zip(plane, old, strict=True))
            field = replace(field, plane=plane, window=window, jump=(1,) * len(plane),
                            plane_atoms=frozenset[Atom]().union(*old))
        if len(field.plane) != len(kernel):
            return replace(field, full=field.own, plane_atoms=frozenset(), plane=(), window=(),
                           jump=(), axes=())
        wider = tuple(w + (k - 1) * d * s for w, k, d, s in zip(
            field.window, kernel, dilations, field.jump, strict=True))
        jump = tuple(j * s for j, s in zip(field.jump, strides, strict=True))
        return replace(field, window=wider, jump=jump, axes=new)


ReceptiveFields = dict[str, ReceptiveField]  # by the name of the population's spikes


def data_size(walk: TypeWalk, value: ir.Value | None) -> int:
    """Elements of one tick of one sample; 0 where the axes cannot be followed."""
    if walk.layouts.layout(value) is None:
        return 0
    return math.prod(atom.size for atom in data_atoms(walk, value))


def data_atoms(walk: TypeWalk, value: ir.Value | None) -> list[Atom]:
    """The axes of a value that are neither time nor batch."""
    return [atom for atoms in walk.layouts.layout(value) or () for atom in atoms
            if atom.role not in (Role.TIME, Role.BATCH)]


def fan_in(walk: TypeWalk, node: ir.Node) -> int:
    """Inputs of one output of a synapse, of a mean or of a maximum."""
    if node.op_type in WINDOWS or node.op_type in ("MaxPool", "GlobalMaxPool"):
        kernel, _, _, channels = _window(node)
        return channels * math.prod(kernel)
    dynamic = walk.layouts.is_dynamic
    for value, axes in joined_axes(node):
        shape = shape_of(value)
        if shape is not None and dynamic(value):
            return math.prod(shape[axis] for axis in axes)
    return 1


def synapses(walk: TypeWalk, node: ir.Node) -> int:
    """Connections that a linear operator makes, one tick, one sample."""
    return data_size(walk, node.outputs[0]) * fan_in(walk, node)


def through(walk: TypeWalk, node: ir.Node, fields: ReceptiveFields) -> ReceptiveFields:
    """What a node's output depends on, from what its operand does."""
    if node.op_type in WINDOWS:
        before, after = (walk.layouts.layout(v) for v in (node.inputs[0], node.outputs[0]))
        if before is None or after is None:
            return {name: replace(r, full=r.own) for name, r in fields.items()}
        return {name: r.through_window(node, before, after) for name, r in fields.items()}
    sum_atoms: Atoms = frozenset()
    for value, axes in joined_axes(node):
        layout = walk.layouts.layout(value)
        if layout is not None:
            sum_atoms |= {atom for axis in axes for atom in layout[axis]}
    return {name: r.sum_over(sum_atoms) for name, r in fields.items()}


def receptive_fields(walk: TypeWalk, value: ir.Value | None) -> ReceptiveFields:
    """What one element of a value depends on, by population."""
    name = (value.name if value is not None else None) or ""
    if value is None or not walk.layouts.is_dynamic(value):
        return {}
    earlier: ReceptiveFields | None = walk.receptive_fields.get(name)
    if earlier is not None:
        return earlier
    node = value.producer()
    if name in walk.modules:
        fields = {name: ReceptiveField(frozenset(data_atoms(walk, value)))}
    elif node is None or is_neuron(node):
        fields = {}
    else:
        fields = {}
        for operand in node.inputs:
            for source, r in through(walk, node, _with_result_names(walk, node, operand)).items():
                before = fields.get(source)
                fields[source] = r if before is None or before.count < r.count else before
    walk.receptive_fields[name] = fields
    return fields


def _with_result_names(walk: TypeWalk, node: ir.Node, operand: ir.Value | None) -> ReceptiveFields:
    """What an operand depends on; equal axes of summands get the names that the sum's have."""
    fields = receptive_fields(walk, operand)
    before, after = walk.layouts.layout(operand), walk.layouts.layout(node.outputs[0])
    if node.op_type not in SUMS or before is None or after is None:
        return fields
    names = {a: b for one, two in zip(reversed(before), reversed(after), strict=False)
             if [a.size for a in one] == [b.size for b in two]
             for a, b in zip(one, two, strict=True) if a != b}
    return {name: r.with_names(names) for name, r in fields.items()} if names else fields


def branches(walk: TypeWalk, value: ir.Value, sources: Iterable[str]) -> list[str]:
    """Of the spikes that a value is made of, one train for each branch that a tick of it sums."""
    layouts, trains = walk.layouts, sorted(sources)
    ticks = layouts.ticks.get(value.name or "")
    if ticks:  # of a loop; the sources of what was cut from an axis of ticks are those of all
        return [one for one in trains if layouts.tick_of.get(one, min(ticks)) in ticks]
    return list({walk.modules.get(one, one): one for one in trains}.values())


def distribution(walk: TypeWalk, node: ir.Node, value: ir.Value, trains: Iterable[str]
                 ) -> ExtraCost | None:
    """One projection for each branch, by its spikes, instead of one synapse behind their sum."""
    stream, out = data_size(walk, value), data_size(walk, node.outputs[0])
    of_all = through(walk, node, receptive_fields(walk, value))
    fields = {name: of_all[name] for name in trains if name in of_all}
    if not stream or not out or not fields:
        return None
    total = sum(out * r.count for r in fields.values())
    axons = sum(r.size for r in fields.values()) - stream
    return ExtraCost(synapses=max(total - synapses(walk, node), 0), axons=max(axons, 0))


def composition(walk: TypeWalk, node: ir.Node, value: ir.Value | None) -> tuple[int, int] | None:
    """Connections of a chain as separate layers and as one synapse; None for a single layer."""
    layers = _layers(value)
    out = data_size(walk, node.outputs[0])
    fields = through(walk, node, receptive_fields(walk, value))
    if not layers or not out or not fields:
        return None
    before = synapses(walk, node) + sum(synapses(walk, layer) for layer in layers)
    return before, sum(out * r.count for r in fields.values())


def _layers(value: ir.Value | None) -> list[ir.Node]:
    """The linear layers between a value and the neurons before it."""
    layers: dict[ir.Node, None] = {}
    stack, visits = [value], set[ir.Node]()
    while stack:
        one = stack.pop()
        node = one.producer() if one is not None else None
        if node is None or node in visits or is_neuron(node):
            continue
        visits.add(node)
        if node.op_type in WINDOWS or node.op_type in CONTRACTIONS:
            layers[node] = None
        stack.extend(node.inputs)
    return list(layers)


def _window(node: ir.Node) -> tuple[Sequence[int], Sequence[int], Sequence[int], int]:
    """Kernel, strides, dilations, and the channels that one output sums over."""
    shape = shape_of(node.inputs[0]) or (1, 1)
    if node.op_type.startswith("Global"):
        ones = (1,) * (len(shape) - 2)
        return shape[2:], ones, ones, 1
    kernel = list(node.attributes.get_ints("kernel_shape", ()))
    convolves = node.op_type.startswith("Conv")
    if not kernel and convolves:
        kernel = list((shape_of(node.inputs[1]) or ())[2:])
    ones = (1,) * len(kernel)
    strides = node.attributes.get_ints("strides", ones)
    dilations = node.attributes.get_ints("dilations", ones)
    channels = shape[1] // node.attributes.get_int("group", 1) if convolves else 1
    return kernel, strides, dilations, channels
