"""What an exact rewrite costs: neurons, synapses, axons and ticks that are added.

An estimate from shapes: how many elements of a population one element of a value depends on, axis
by axis. Windows are followed through chains of convolutions; borders count as if they were inside,
and groups that are not depthwise as if they were one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from neurocompile.ir.axes import Atom, Layout, Role
from neurocompile.ir.axis_space import shape_of
from neurocompile.ir.neuron_node import is_neuron
from neurocompile.passes.legality.ticks import joined_axes
from neurocompile.passes.legality.walk import Walk

CONTRACTIONS = ("MatMul", "Gemm", "Einsum")
WINDOWS = ("Conv", "ConvTranspose", "AveragePool", "GlobalAveragePool")


@dataclass(frozen=True, slots=True)
class Price:
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
class Reach:
    """Which elements of a population one element of a value depends on, axis by axis."""

    own: Atoms  # the population's data axes
    full: Atoms = frozenset()  # those that are summed over
    window: tuple[int, ...] = ()  # along the axes that convolutions slide over
    jump: tuple[int, ...] = ()  # elements of the plane per step of the value
    plane: tuple[int, ...] = ()  # the lengths of these axes in the population
    held: Atoms = frozenset()  # its axes in the plane
    axes: tuple[Atoms, ...] = ()  # the value's axes that stand for them

    @property
    def size(self) -> int:
        """Elements of the population."""
        return math.prod(atom.size for atom in self.own)

    @property
    def count(self) -> int:
        """How many elements; never more than there are."""
        inside = math.prod(min(w, p) for w, p in zip(self.window, self.plane, strict=True))
        summed = math.prod(atom.size for atom in self.full - self.held)
        return min(self.size, summed * inside)

    def contracted(self, atoms: Atoms) -> Reach:
        """Through a sum over whole axes."""
        window = tuple(p if axis & atoms else w for w, p, axis in zip(
            self.window, self.plane, self.axes, strict=True))
        return replace(self, full=self.full | (atoms & self.own), window=window)

    def renamed(self, names: Mapping[Atom, Atom]) -> Reach:
        """The same of axes with other names."""
        def new(atoms: Atoms) -> Atoms:
            return frozenset(names.get(atom, atom) for atom in atoms)
        return replace(self, own=new(self.own), full=new(self.full), held=new(self.held),
                       axes=tuple(map(new, self.axes)))

    def windowed(self, node: ir.Node, before: Layout, after: Layout) -> Reach:
        """Through a convolution or a pool."""
        kernel, strides, dilations, channels = _window(node)
        new = tuple(frozenset(atoms) for atoms in after[2:])
        old = tuple(frozenset(atoms) for atoms in before[2:])
        if channels == 1 and [a.size for a in before[1]] == [b.size for b in after[1]]:
            reach = self.renamed(dict(zip(before[1], after[1], strict=True)))  # depthwise
        else:
            reach = self.contracted(frozenset(before[1]))
        if not reach.plane:
            plane = tuple(math.prod(atom.size for atom in atoms) for atoms in before[2:])
            window = tuple(p if atoms & reach.full else 1
                           for p, atoms in zip(plane, old, strict=True))
            reach = replace(reach, plane=plane, window=window, jump=(1,) * len(plane),
                            held=frozenset[Atom]().union(*old))
        if len(reach.plane) != len(kernel):
            return replace(reach, full=reach.own, held=frozenset(), plane=(), window=(), jump=(),
                           axes=())
        grown = tuple(w + (k - 1) * d * s for w, k, d, s in zip(
            reach.window, kernel, dilations, reach.jump, strict=True))
        jump = tuple(j * s for j, s in zip(reach.jump, strides, strict=True))
        return replace(reach, window=grown, jump=jump, axes=new)


Reaches = dict[str, Reach]  # by the name of the population's spikes


def data_size(walk: Walk, value: ir.Value | None) -> int:
    """Elements of one tick of one sample; 0 where the axes cannot be followed."""
    if walk.layouts.layout(value) is None:
        return 0
    return math.prod(atom.size for atom in data_atoms(walk, value))


def data_atoms(walk: Walk, value: ir.Value | None) -> list[Atom]:
    """The axes of a value that are neither time nor batch."""
    return [atom for atoms in walk.layouts.layout(value) or () for atom in atoms
            if atom.role not in (Role.TIME, Role.BATCH)]


def fan_in(walk: Walk, node: ir.Node) -> int:
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


def synapses(walk: Walk, node: ir.Node) -> int:
    """Connections that a linear operator makes, one tick, one sample."""
    return data_size(walk, node.outputs[0]) * fan_in(walk, node)


def through(walk: Walk, node: ir.Node, reaches: Reaches) -> Reaches:
    """What a node's output depends on, from what its operand does."""
    if node.op_type in WINDOWS:
        before, after = (walk.layouts.layout(v) for v in (node.inputs[0], node.outputs[0]))
        if before is None or after is None:
            return {name: replace(r, full=r.own) for name, r in reaches.items()}
        return {name: r.windowed(node, before, after) for name, r in reaches.items()}
    summed: Atoms = frozenset()
    for value, axes in joined_axes(node):
        layout = walk.layouts.layout(value)
        if layout is not None:
            summed |= {atom for axis in axes for atom in layout[axis]}
    return {name: r.contracted(summed) for name, r in reaches.items()}


def reach(walk: Walk, value: ir.Value | None) -> Reaches:
    """What one element of a value depends on, by population."""
    name = (value.name if value is not None else None) or ""
    if value is None or not walk.layouts.is_dynamic(value):
        return {}
    known: Reaches | None = walk.reaches.get(name)
    if known is not None:
        return known
    node = value.producer()
    if name in walk.modules:
        found = {name: Reach(frozenset(data_atoms(walk, value)))}
    elif node is None or is_neuron(node):
        found = {}
    else:
        found = {}
        for operand in node.inputs:
            for source, r in through(walk, node, _aligned(walk, node, operand)).items():
                before = found.get(source)
                found[source] = r if before is None or before.count < r.count else before
    walk.reaches[name] = found
    return found


def _aligned(walk: Walk, node: ir.Node, operand: ir.Value | None) -> Reaches:
    """What an operand depends on; equal axes of summands get the names that the sum's have."""
    reaches = reach(walk, operand)
    before, after = walk.layouts.layout(operand), walk.layouts.layout(node.outputs[0])
    if node.op_type not in SUMS or before is None or after is None:
        return reaches
    names = {a: b for one, two in zip(reversed(before), reversed(after), strict=False)
             if [a.size for a in one] == [b.size for b in two]
             for a, b in zip(one, two, strict=True) if a != b}
    return {name: r.renamed(names) for name, r in reaches.items()} if names else reaches


def distribution(walk: Walk, node: ir.Node, value: ir.Value | None) -> Price | None:
    """One projection for each branch instead of one synapse behind their sum."""
    stream, out = data_size(walk, value), data_size(walk, node.outputs[0])
    reaches = through(walk, node, reach(walk, value))
    if not stream or not out or not reaches:
        return None
    total = sum(out * r.count for r in reaches.values())
    axons = sum(r.size for r in reaches.values()) - stream
    return Price(synapses=max(total - synapses(walk, node), 0), axons=max(axons, 0))


def composition(walk: Walk, node: ir.Node, value: ir.Value | None) -> tuple[int, int] | None:
    """Connections of a chain as separate layers and as one synapse; None for a single layer."""
    layers = _layers(value)
    out = data_size(walk, node.outputs[0])
    reaches = through(walk, node, reach(walk, value))
    if not layers or not out or not reaches:
        return None
    before = synapses(walk, node) + sum(synapses(walk, layer) for layer in layers)
    return before, sum(out * r.count for r in reaches.values())


def _layers(value: ir.Value | None) -> list[ir.Node]:
    """The linear layers between a value and the neurons before it."""
    found: dict[ir.Node, None] = {}
    stack, seen = [value], set[ir.Node]()
    while stack:
        taken = stack.pop()
        node = taken.producer() if taken is not None else None
        if node is None or node in seen or is_neuron(node):
            continue
        seen.add(node)
        if node.op_type in WINDOWS or node.op_type in CONTRACTIONS:
            found[node] = None
        stack.extend(node.inputs)
    return list(found)


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
