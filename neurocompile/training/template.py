"""A captured model whose tensors can be exchanged, so that lowering it again takes no capture.

The model is captured once with recognizable numbers in its tensors; where the Graph holds those, as
they are or with their axes permuted, other numbers can stand.
"""

from __future__ import annotations

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

from neurocompile.capture.copies import copy_model
from neurocompile.capture.declaration import Declaration
from neurocompile.capture.torch_model import capture
from neurocompile.capture.user_code import model_failure, user_code
from neurocompile.formats.format import Say
from neurocompile.formats.reading import capture_arranged
from neurocompile.formats.request import Request
from neurocompile.formats.samples import Sample
from neurocompile.formats.weights import read_module
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Network
from neurocompile.options import Options
from neurocompile.passes.lowering.lower import lower

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Values = Mapping[str, Floats]  # tensors by their names in the state_dict

_FLOAT32 = 1e-5  # relative: what is left of a product in float32
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
        with user_code(model_failure(type(self.module).__name__, "copied it", theirs=True)):
            twin = copy_model(self.module)
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

    def norms(self, tensors: Values) -> Iterator[Norm]:
        """The model's BatchNorms whose statistics are among these tensors."""
        for path, module in self.module.named_modules():
            names = {own: f"{path}.{own}" if path else own
                     for own in ("running_mean", "running_var", "weight", "bias")}
            if isinstance(module, _BatchNorm) and names["running_var"] in tensors:
                mean, variance, gain, shift = names.values()
                yield Norm(mean, variance, gain if gain in tensors else None,
                           shift if shift in tensors else None, float(np.float32(module.eps)))


def load_trained(request: Request, sample: Sample | None, say: Say) -> TrainedModel:
    """The model of a request, and what it is captured on; see `read_module`, `capture_arranged`."""
    return trained_model(read_module(request, say), request, sample, say)


def trained_model(module: nn.Module, request: Request, sample: Sample | None, say: Say
                  ) -> TrainedModel:
    """A module, and what it is captured on, as it takes it; see `capture_arranged`."""
    example, arrangement = capture_arranged(request, module, sample, request.spec, prove=False)
    for note in arrangement.notes:
        say(f"{note.message}; {note.help}")
    return TrainedModel(module=module, n_ticks=request.n_ticks, neurons=request.neurons,
                        example=example)


@dataclass(frozen=True)
class Norm:
    """A BatchNorm by the names of its tensors; None for those that it has not."""

    mean: str
    variance: str
    gain: str | None
    shift: str | None
    epsilon: float

    def scale(self, values: Values) -> Doubles:
        """What it multiplies each channel by."""
        variance = values[self.variance].astype(np.float64)
        gain = 1.0 if self.gain is None else values[self.gain].astype(np.float64)
        scale: Doubles = gain / np.sqrt(variance + self.epsilon)
        return scale

    def constant(self, values: Values, bias: str | None) -> Doubles:
        """What it makes of a bias before it."""
        before = 0.0 if bias is None else values[bias].astype(np.float64)
        shift = 0.0 if self.shift is None else values[self.shift]
        constant: Doubles = (before - values[self.mean]) * self.scale(values) + shift
        return constant


@dataclass(frozen=True)
class Place:
    """An initializer of the Graph that holds a tensor, or one that a BatchNorm is folded into."""

    initializer: str
    shape: tuple[int, ...]  # of the initializer
    tensor: str | None  # None: the constant alone that a BatchNorm makes
    axes: tuple[int, ...] = ()  # the tensor's axes in the initializer's order
    norm: Norm | None = None

    def array(self, values: Values) -> NDArray[np.floating]:
        """The initializer for these values of the tensors."""
        if self.norm is None and self.tensor is not None:
            return values[self.tensor].transpose(self.axes).reshape(self.shape)
        if self.norm is None:
            raise ValueError(f"nothing is said of `{self.initializer}`")
        if not self.axes:
            return self.norm.constant(values, self.tensor).reshape(self.shape)
        weights = values[self.tensor or ""].astype(np.float64)
        scale = self.norm.scale(values).reshape(-1, *[1] * (weights.ndim - 1))
        return (weights * scale).transpose(self.axes).reshape(self.shape)

    @property
    def tensors(self) -> frozenset[str]:
        """The tensors that it is made of."""
        norm = self.norm
        parts = () if norm is None else (norm.mean, norm.variance, norm.gain, norm.shift)
        return frozenset(name for name in (self.tensor, *parts) if name is not None)


@dataclass(frozen=True, eq=False)
class Template:
    """The Graph of a model with places for its tensors."""

    data: onnx.ModelProto
    places: tuple[Place, ...]
    options: Options

    @property
    def names(self) -> frozenset[str]:
        """The tensors that have a place; others are folded into something else."""
        return frozenset(name for place in self.places for name in place.tensors)

    def network(self, values: Values) -> Network:
        """The float network of the model with these values of its tensors."""
        model = ir.serde.deserialize_model(self.data)
        for place in self.places:
            array = np.ascontiguousarray(place.array(values))
            model.graph.initializers[place.initializer].const_value = ir.tensor(
                array, name=place.initializer)
        return lower(Graph(model), self.options.allow, self.options.outputs)[0]


def template(model: TrainedModel, tensors: Values, options: Options) -> Template:
    """The model's Graph with places for these tensors. Raises as `capture` does.

    What capture folds into other numbers than a BatchNorm's has no place, and keeps its own.
    """
    rng = np.random.default_rng(0)
    marks = {name: rng.uniform(0.5, 1.5, array.shape).astype(np.float32)
             for name, array in tensors.items()}
    whole = _template_of_marks(model, marks, options)
    if len(whole.names) == len(marks):
        return whole
    return _template_of_marks(
        model, {name: marks[name] for name in marks if name in whole.names}, options)


def _template_of_marks(model: TrainedModel, marks: Values, options: Options) -> Template:
    model_of_marks = model.capture(marks, prove=False).model
    arrays = {str(name): np.asarray(value.const_value.numpy())
              for name, value in model_of_marks.graph.initializers.items()
              if value.const_value is not None and value.dtype == ir.DataType.FLOAT}
    places: list[Place] = []
    for initializer, array in arrays.items():
        for name, own in marks.items():
            if own.size == array.size:
                places += list(_places(initializer, array, name, own))
    in_places = {name for place in places for name in place.tensors}
    for norm in model.norms(marks):
        if norm.variance not in in_places:
            places += _norm_places(norm, arrays, marks)
    return Template(ir.serde.serialize_model(model_of_marks), tuple(places), options)


def _places(initializer: str, array: Floats, name: str, marks: Floats) -> Iterator[Place]:
    """The place of a tensor that an initializer holds as it is."""
    for axes in itertools.permutations(range(marks.ndim)):
        if np.array_equal(marks.transpose(axes).reshape(-1), array.reshape(-1)):
            yield Place(initializer, array.shape, name, axes)
            return


def _norm_places(norm: Norm, arrays: Mapping[str, Floats], marks: Values) -> list[Place]:
    """The two places of a BatchNorm that is folded into the layer before it."""
    channels = len(marks[norm.mean])
    biases = [None, *(name for name, own in marks.items() if own.shape == (channels,))]
    weights = [place for initializer, array in arrays.items() for name, own in marks.items()
               if own.ndim > 1 and own.size == array.size and len(own) == channels
               for axes in itertools.permutations(range(own.ndim))
               if _alike(place := Place(initializer, array.shape, name, axes, norm), array, marks)]
    constants = [place for initializer, array in arrays.items() if array.size == channels
                 for bias in biases
                 if _alike(place := Place(initializer, array.shape, bias, (), norm), array, marks)]
    return [weights[0], constants[0]] if weights and constants else []


def _alike(place: Place, array: Floats, marks: Values) -> bool:
    return bool(np.allclose(place.array(marks), array, rtol=_FLOAT32, atol=_FLOAT32))
