"""Random graphs between neurons, with the numbers that their operators compute."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from neurocompile.ir.graph import FILE, LINE, MODULE
from neurocompile.ir.neuron_node import DOMAIN

Array = NDArray[Any]
T, B = 2, 2
SHAPE = (T, B, 3, 4)


@dataclass
class Net:
    """Two populations, operators behind them, and their values for five inputs: a, b, a+b, 0, 1."""

    draw: random.Random
    model: ir.Model = field(init=False)
    values: dict[ir.Value, list[Array]] = field(default_factory=dict)
    linear: bool = True

    def __post_init__(self) -> None:
        body = ir.Graph([], [], nodes=[], opset_imports={"": 20, DOMAIN: 1})
        self.model = ir.Model(body, ir_version=10)
        rng = np.random.default_rng(self.draw.getrandbits(32))
        for number in range(2):
            x = self.with_type(ir.Value(name=f"x{number}"), SHAPE)
            body.inputs.append(x)
            spikes = self.neuron(x, f"lif{number}")
            size = int(np.prod(SHAPE))
            a, b = (rng.permutation(np.arange(-50, 50) + 100 * k)[:size].reshape(SHAPE)
                    .astype(np.float64) for k in (0, 1))
            self.values[spikes] = [a, b, a + b, 0 * a, 0 * a + 1]

    @staticmethod
    def with_type(value: ir.Value, shape: Sequence[int], dtype: ir.DataType = ir.DataType.FLOAT
              ) -> ir.Value:
        value.shape, value.type = ir.Shape(shape), ir.TensorType(dtype)
        return value

    def constant(self, array: Any, dtype: Any = np.float64) -> ir.Value:
        array = np.asarray(array, dtype)
        value = ir.Value(name=f"c{id(array)}_{len(self.values)}", const_value=ir.tensor(array))
        value.shape = ir.Shape(array.shape)
        return value

    def ints(self, *numbers: int) -> ir.Value:
        return self.constant(numbers, np.int64)

    def weights(self, *shape: int) -> ir.Value:
        count = int(np.prod(shape))
        return self.constant(np.reshape([self.draw.randint(-3, 3) for _ in range(count)], shape))

    def neuron(self, x: ir.Value, module: str) -> ir.Value:
        zero = self.constant([0.0])
        node = ir.node("LIF", [x, zero, zero], {
            "module": module, "v_th": 1.0, "v_reset": 0.0, "tau": 2.0, "beta": 0.5, "alpha": 0.5},
            domain=DOMAIN, overload="spikingjelly-lif-div-tau-hard", num_outputs=3)
        assert x.shape is not None
        for number, output in enumerate(node.outputs):
            output.name = f"{module}_{number}"
            sizes = [int(str(size)) for size in x.shape]
            self.with_type(output, sizes[0 if number == 0 else 1:])
        self.model.graph.append(node)
        return node.outputs[0]

    def op(self, op_type: str, inputs: Sequence[ir.Value], outputs: int = 1, **attributes: Any
           ) -> ir.Value:
        """Append an operator and compute it."""
        node = ir.node(op_type, inputs, attributes, num_outputs=outputs)
        line = len(list(self.model.graph)) + 1
        node.metadata_props.update({MODULE: "net", FILE: "net.py", LINE: str(line)})
        for number, output in enumerate(node.outputs):
            output.name = f"v{line}_{number}"
        names = [v.name or "" for v in inputs]
        proto = ir.serde.serialize_node(node)
        run = ReferenceEvaluator(proto)
        results: list[Array] = []
        for case in range(5):
            feeds = {name: self.values[v][case] if v in self.values else v.const_value.numpy()
                     for name, v in zip(names, inputs, strict=True) if v.const_value is not None
                     or v in self.values}
            arrays = run.run(None, feeds)
            assert isinstance(arrays, list)
            results.append(np.asarray(arrays[0]))
        kind = {"b": ir.DataType.BOOL, "i": ir.DataType.INT64}.get(
            results[0].dtype.kind, ir.DataType.FLOAT)
        for output in node.outputs:
            self.with_type(output, results[0].shape, kind)
        self.values[node.outputs[0]] = results
        self.model.graph.append(node)
        return node.outputs[0]

    # -- choices ---------------------------------------------------------------------------

    def any(self, shape: tuple[int, ...] | None = None) -> ir.Value:
        values = [v for v, arrays in self.values.items()
                 if v.dtype == ir.DataType.FLOAT and arrays[0].ndim == 4
                 and (shape is None or arrays[0].shape == shape)]
        return values[self.draw.randrange(len(values))]

    def shape(self, v: ir.Value) -> tuple[int, ...]:
        return self.values[v][0].shape

    def cast(self, v: ir.Value) -> ir.Value:
        return self.op("Cast", [v], to=int(ir.DataType.DOUBLE))
