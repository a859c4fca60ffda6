"""A captured model whose tensors can be exchanged, so that lowering it again takes no capture.

The model is captured once with recognizable numbers in its tensors; where the Graph holds those, as
they are or with their axes permuted, other numbers can stand.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from neurocompile.capture.declaration import Declaration
from neurocompile.capture.torch_model import capture
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Network
from neurocompile.passes.lowering.lower import lower

Floats = NDArray[np.float32]
Values = Mapping[str, Floats]  # tensors by their names in the state_dict

STATISTICS = ("running_mean", "running_var")  # of a BatchNorm, no parameters
_PER_TICK = "model."  # what capture puts before the paths of a model that computes one tick


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainedModel:
    """A module with what it takes to capture it."""

    module: nn.Module
    example: Sequence[torch.Tensor]
    n_ticks: int | None = None
    neurons: Mapping[str, Declaration] | None = None

    def with_values(self, values: Values) -> nn.Module:
        """A copy of the module with other values of these tensors."""
        twin = copy.deepcopy(self.module)
        state = twin.state_dict()
        with torch.no_grad():
            for name, array in values.items():
                state[name].copy_(torch.from_numpy(np.array(array)))
        return twin

    def capture(self, values: Values, prove: bool = True) -> Graph:
        """The Graph of the module with these values; see `capture.torch_model.capture`."""
        return capture(self.with_values(values), self.example, self.n_ticks, prove, self.neurons)

    def tensors(self, graph: Graph) -> dict[str, Floats]:
        """The module's own numbers by name: those that lowering may turn into weights and biases.

        `graph` is its Graph: what belongs to a neuron's equations is none of them.
        """
        prefix = "" if self.n_ticks is None else _PER_TICK
        neurons = {neuron.module.removeprefix(prefix) for neuron in graph.neurons()}
        tensors = {}
        for path, module in self.module.named_modules():
            own = dict(module.named_parameters(recurse=False))
            if isinstance(module, _BatchNorm):
                own |= {name: buffer for name, buffer in module.named_buffers(recurse=False)
                        if name in STATISTICS}
            for name, tensor in own.items():
                if tensor.is_floating_point() and (path not in neurons or tensor.ndim > 1):
                    key = f"{path}.{name}" if path else name
                    tensors[key] = np.asarray(tensor.detach().cpu().float().numpy())
        return tensors


@dataclass(frozen=True)
class Place:
    """An initializer of the Graph that holds a tensor."""

    initializer: str
    tensor: str
    axes: tuple[int, ...]  # the tensor's axes in the initializer's order
    shape: tuple[int, ...]  # of the initializer


@dataclass(frozen=True, eq=False)
class Template:
    """The Graph of a model with places for its tensors."""

    data: onnx.ModelProto
    places: tuple[Place, ...]
    allow: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """The tensors that have a place; others are folded into something else."""
        return frozenset(place.tensor for place in self.places)

    def network(self, values: Values) -> Network:
        """The float network of the model with these values of its tensors."""
        model = ir.serde.deserialize_model(self.data)
        for place in self.places:
            array = values[place.tensor].transpose(place.axes).reshape(place.shape)
            model.graph.initializers[place.initializer].const_value = ir.tensor(
                np.ascontiguousarray(array), name=place.initializer)
        return lower(Graph(model), self.allow)[0]


def template(model: TrainedModel, tensors: Values, allow: tuple[str, ...]) -> Template:
    """The model's Graph with places for these tensors. Raises as `capture` does.

    What capture folds into other numbers has no place, and keeps its own.
    """
    rng = np.random.default_rng(0)
    marks = {name: rng.uniform(0.5, 1.5, array.shape).astype(np.float32)
             for name, array in tensors.items()}
    marked = _marked(model, marks, allow)
    if len(marked.names) == len(marks):
        return marked
    return _marked(model, {name: marks[name] for name in sorted(marked.names)}, allow)


def _marked(model: TrainedModel, marks: Values, allow: tuple[str, ...]) -> Template:
    captured = model.capture(marks, prove=False).model
    by_size: dict[tuple[int, float], list[str]] = {}
    for name, array in marks.items():
        by_size.setdefault(_fingerprint(array), []).append(name)
    places = []
    for initializer, value in captured.graph.initializers.items():
        if value.const_value is None or value.dtype != ir.DataType.FLOAT:
            continue
        array = np.asarray(value.const_value.numpy())
        for name in by_size.get(_fingerprint(array), []):
            places += list(_places(initializer, array, name, marks[name]))
    return Template(ir.serde.serialize_model(captured), tuple(places), allow)


def _fingerprint(array: NDArray[np.float32]) -> tuple[int, float]:
    """The same for arrays that hold the same numbers in any order."""
    return array.size, float(array.min(initial=np.inf))


def _places(initializer: str, array: Floats, name: str, marks: Floats) -> Iterator[Place]:
    for axes in itertools.permutations(range(marks.ndim)):
        if np.array_equal(marks.transpose(axes).reshape(-1), array.reshape(-1)):
            yield Place(initializer, name, axes, array.shape)
            return
