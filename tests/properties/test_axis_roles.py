"""Time and batch are found again after random reshapes, compared with traced indices."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import onnx_ir as ir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurocompile.ir.axes import Layout, Role, layouts
from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_node import DOMAIN

T, B = 3, 2
SHAPES = ((T, B, 4, 6), (T, B, 12), (T, B, 2, 3, 4), (T, B, 5, 1, 6))
Index = NDArray[np.int64]
STATISTICS: Counter[str] = Counter()


class Net:
    """Wiring behind one population, with the tick and the sample that every element is of."""

    def __init__(self, draw: random.Random) -> None:
        self.draw, shape = draw, draw.choice(SHAPES)
        self.body = ir.Graph([], [], nodes=[], opset_imports={"": 20, DOMAIN: 1})
        x = ir.Value(name="x", shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))
        zero = self.ints(0)
        self.body.inputs.append(x)
        node = ir.node("LIF", [x, zero, zero], {"module": "lif"}, domain=DOMAIN, num_outputs=3)
        for number, output in enumerate(node.outputs):
            output.name = f"s{number}"
            output.shape = ir.Shape(shape if number == 0 else shape[1:])
        self.body.append(node)
        t, b, *_ = np.indices(shape)
        self.value, self.index = node.outputs[0], (t, b)
        self.traced: dict[ir.Value, tuple[Index, Index]] = {self.value: self.index}

    @property
    def shape(self) -> tuple[int, ...]:
        return self.index[0].shape

    def ints(self, *numbers: int) -> ir.Value:
        array = np.asarray(numbers, np.int64)
        return ir.Value(name=f"c{id(array)}", const_value=ir.tensor(array),
                        shape=ir.Shape(array.shape))

    def op(self, op_type: str, inputs: list[ir.Value], index: tuple[Index, Index],
           **attributes: object) -> None:
        node = ir.node(op_type, [self.value, *inputs], attributes)  # type: ignore[arg-type]
        self.value, self.index = node.outputs[0], index
        self.value.name = f"v{len(self.traced)}"
        self.value.shape = ir.Shape(self.shape)
        self.value.type = ir.TensorType(ir.DataType.FLOAT)
        self.body.append(node)
        self.traced[self.value] = index

    def each(self, f: Callable[[Index], Index]) -> tuple[Index, Index]:
        time, batch = self.index
        return f(time), f(batch)

    # -- steps -----------------------------------------------------------------------------

    def transpose(self) -> None:
        order = list(range(len(self.shape)))
        self.draw.shuffle(order)
        self.op("Transpose", [], self.each(lambda a: a.transpose(order)), perm=order)

    def merge(self) -> None:
        at = self.draw.randrange(len(self.shape) - 1) if len(self.shape) > 1 else 0
        shape = (*self.shape[:at], math.prod(self.shape[at:at + 2]), *self.shape[at + 2:])
        self.reshape(shape)

    def split(self) -> None:
        at = self.draw.randrange(len(self.shape))
        size = self.shape[at]
        outer = self.draw.choice([k for k in range(1, size + 1) if size % k == 0])
        self.reshape((*self.shape[:at], outer, size // outer, *self.shape[at + 1:]))

    def anything(self) -> None:
        rest, shape = math.prod(self.shape), []
        for _ in range(self.draw.randint(1, 4)):
            size = self.draw.choice([k for k in range(1, rest + 1) if rest % k == 0])
            shape.append(size)
            rest //= size
        self.reshape((*shape, rest))

    def reshape(self, shape: tuple[int, ...]) -> None:
        self.op("Reshape", [self.ints(*shape)], self.each(lambda a: a.reshape(shape)))

    def unsqueeze(self) -> None:
        at = self.draw.randint(0, len(self.shape))
        self.op("Unsqueeze", [self.ints(at)], self.each(lambda a: np.expand_dims(a, at)))

    def squeeze(self) -> None:
        ones = [axis for axis, size in enumerate(self.shape) if size == 1]
        if ones:
            at = self.draw.choice(ones)
            self.op("Squeeze", [self.ints(at)], self.each(lambda a: a.squeeze(at)))

    def expand(self) -> None:
        ones = [axis for axis, size in enumerate(self.shape) if size == 1]
        if ones:
            at = self.draw.choice(ones)
            shape = (*self.shape[:at], 3, *self.shape[at + 1:])
            self.op("Expand", [self.ints(*shape)], self.each(lambda a: np.broadcast_to(a, shape)))

    def still(self) -> int | None:
        """An axis along which neither time nor batch changes."""
        axes = [axis for axis in range(len(self.shape))
                 if not any(np.diff(a, axis=axis).any() for a in self.index)]
        return self.draw.choice(axes) if axes else None

    def slice(self) -> None:
        axis = self.still()
        if axis is not None:
            stop = self.draw.randint(1, self.shape[axis])
            part = (slice(None),) * axis + (slice(0, stop),)
            self.op("Slice", [self.ints(0), self.ints(stop), self.ints(axis)],
                    self.each(lambda a: a[part]))

    def flip(self) -> None:
        axis = self.still()
        if axis is not None:
            self.op("Slice", [self.ints(-1), self.ints(-99), self.ints(axis), self.ints(-1)],
                    self.each(lambda a: np.flip(a, axis)))

    def gather(self) -> None:
        axis = self.still()
        if axis is not None:
            size = self.shape[axis]
            places = [self.draw.randrange(size) for _ in range(self.draw.randint(1, 4))]
            self.op("Gather", [self.ints(*places)], self.each(lambda a: a.take(places, axis)),
                    axis=axis)


def place(index: Index, size: int) -> bool:
    """Whether an index is one factor of one axis: `(i // inner) % size`."""
    for axis, length in enumerate(index.shape):
        first = index[(0,) * axis + (slice(None),) + (0,) * (index.ndim - axis - 1)]
        if not np.array_equal(index, np.broadcast_to(
                first.reshape([-1 if a == axis else 1 for a in range(index.ndim)]), index.shape)):
            continue
        if any(np.array_equal(first, np.arange(length) // inner % size)
               for inner in range(1, length // size + 1) if length % (size * inner) == 0):
            return True
    return False


def coordinate(layout: Layout, role: Role, shape: tuple[int, ...]) -> Index | None:
    """The index along the atom of a role, for every element; None without such an atom."""
    index = None
    for axis, atoms in enumerate(layout):
        inner = math.prod(atom.size for atom in atoms)
        assert inner == shape[axis]
        for atom in atoms:
            inner //= atom.size
            if atom.role is role:
                assert index is None, "twice"
                along = np.arange(shape[axis]) // inner % atom.size
                index = np.broadcast_to(
                    along.reshape([-1 if a == axis else 1 for a in range(len(shape))]), shape)
    return index


def run(draw: random.Random, cutting: bool) -> None:
    net = Net(draw)
    steps = [net.transpose, net.merge, net.split, net.unsqueeze, net.squeeze, net.expand,
             net.slice, net.flip, net.gather, *([net.anything] * 2 if cutting else [])]
    for _ in range(draw.randint(2, 10)):
        draw.choice(steps)()
    net.body.outputs.append(net.value)
    axes = layouts(Graph(ir.Model(net.body, ir_version=10)))
    culprits = {conflict.node for conflict in axes.conflicts}
    unsure = False
    for value, (t, b) in net.traced.items():
        whole = place(t, T) and place(b, B)
        layout = axes.layout(value)
        unsure = unsure or layout is None
        STATISTICS["values"] += 1
        STATISTICS["cut"] += not whole
        if unsure:
            assert culprits, "the axes are lost, and nothing is blamed"
            continue
        assert layout is not None
        assert whole, (value.name, "time or batch is cut, and nobody says so")
        for index, role in ((t, Role.TIME), (b, Role.BATCH)):
            at = coordinate(layout, role, t.shape)
            assert at is not None, (value.name, role)
            assert np.array_equal(at, index), (value.name, role, layout)
    for node in culprits:
        t, b = net.traced[node.outputs[0]]
        assert not (place(t, T) and place(b, B)), (node.op_type, "is blamed for nothing")
    STATISTICS["graphs"] += 1
    STATISTICS["conflicts"] += bool(culprits)


SETTINGS = settings(max_examples=400, deadline=None, database=None, derandomize=True,
                    suppress_health_check=list(HealthCheck))


@SETTINGS
@given(st.integers(0, 2**32 - 1))
def test_merged_split_and_moved_axes_keep_their_roles(seed: int) -> None:
    run(random.Random(seed), cutting=False)


@SETTINGS
@given(st.integers(0, 2**32 - 1))
def test_a_reshape_is_blamed_iff_it_cuts(seed: int) -> None:
    run(random.Random(seed), cutting=True)


def test_the_generator_was_active() -> None:
    STATISTICS.clear()
    for seed in range(200):
        run(random.Random(seed), cutting=True)
    assert 0.2 * STATISTICS["graphs"] <= STATISTICS["conflicts"] <= 0.8 * STATISTICS["graphs"]
    assert STATISTICS["values"] >= 5 * STATISTICS["graphs"]
