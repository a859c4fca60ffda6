"""The opaque neuron op: how a neuron passes through torch.export and lands in an ONNX graph.

`torch.ops.neurocompile.neuron` computes T ticks of one population by the equations of its profile.
In a Graph it is a node of domain `ai.neurocompile` (see `neurocompile.ir.neuron_node`).
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import onnx
import torch

from neurocompile.capture.quiet import quiet
from neurocompile.ir.neuron_function import input_names, output_names
from neurocompile.ir.neuron_node import DOMAIN, DOMAIN_VERSION, MODULE_ATTRIBUTE, Inputs, Outputs
from neurocompile.semantics.floating import Profile, advance, decode

PROFILE_ATTRIBUTE = "profile"  # of a node until its profile is its overload


def _neuron(x_seq: torch.Tensor, states: Sequence[torch.Tensor], y_seq: torch.Tensor | None,
            profile: str, constants: Sequence[float], module: str) -> list[torch.Tensor]:
    """What a population fed with x_seq [T, ...] (and y_seq) emits [T, ...], then its last states.

    `states` are those before the first tick, in the profile's order; they broadcast to one tick's
    shape [...]. `profile` is encoded; `constants` are in its order. The results are contiguous, as
    the frameworks' are, whatever the strides of x_seq.
    """
    spec = decode(profile)
    values = dict(zip(spec.constants, constants, strict=True))
    now = {name: state.expand_as(x_seq[0])
           for name, state in zip(spec.states, states, strict=True)}
    spikes = []
    for tick, x in enumerate(x_seq):
        s, now = advance(spec, values, x, now, None if y_seq is None else y_seq[tick])
        spikes.append(s)
    final = {name: state.clone(memory_format=torch.contiguous_format)
             for name, state in now.items()}
    return list(Outputs(torch.stack(spikes).contiguous(), final).in_order(spec.states))


with quiet():  # torch remarks that Triton is missing
    neuron = torch.library.custom_op("neurocompile::neuron", _neuron, mutates_args=())


@neuron.register_fake
def _(x_seq: torch.Tensor, states: Sequence[torch.Tensor], y_seq: torch.Tensor | None,
      profile: str, constants: Sequence[float], module: str) -> list[torch.Tensor]:
    shape = x_seq.shape
    return [x_seq.new_empty(shape), *(x_seq.new_empty(shape[1:]) for _ in states)]


NEURON = torch.ops.neurocompile.neuron.default


class NeuronCall(NamedTuple):
    """The arguments of one call of the op; of a call in a program, its nodes."""

    x_seq: Any
    states: Any
    y_seq: Any
    profile: str
    constants: Sequence[float]
    module: str

    @property
    def spec(self) -> Profile:
        """How a tick is computed."""
        return decode(self.profile)

    @property
    def inputs(self) -> Inputs[Any]:
        """What the neuron takes, by name."""
        initial = dict(zip(self.spec.states, self.states, strict=True))
        return Inputs(self.x_seq, initial, self.y_seq)

    def outputs(self, values: Sequence[Any]) -> Outputs[Any]:
        """What the op gives, by name."""
        return Outputs.of(self.spec.states, values)


def neuron_call(inputs: Inputs[Any], profile: Profile, constants: Sequence[float], module: str
                ) -> NeuronCall:
    """The call that computes a neuron."""
    states = [inputs.initial[name] for name in profile.states]
    return NeuronCall(inputs.current, states, inputs.second, profile.encode(), constants, module)


@contextlib.contextmanager
def schemas(profiles: Iterable[Profile]) -> Iterator[None]:
    """Inside, ONNX knows the neuron nodes of these profiles, which onnxscript asks for.

    Outside it must not: a schema would list the constants of every profile there can be, while a
    model's own functions say it per profile.
    """
    schema = onnx.defs.OpSchema
    floats, text = schema.AttrType.FLOAT, schema.AttrType.STRING
    optional = schema.FormalParameterOption.Optional
    models: dict[str, list[Profile]] = defaultdict(list)
    for profile in profiles:
        models[profile.model].append(profile)
    for model, uses in models.items():
        first = uses[0]
        inputs = replace(input_names(first), second=None).in_order(first.states)
        kinds = {MODULE_ATTRIBUTE: text, PROFILE_ATTRIBUTE: text,
                 **{name: floats for profile in uses for name in profile.constants}}
        onnx.defs.register_schema(schema(
            model, DOMAIN, DOMAIN_VERSION, "",
            inputs=[*(schema.FormalParameter(n, "T") for n in inputs),
                    schema.FormalParameter("y_seq", "T", param_option=optional)],
            outputs=[schema.FormalParameter(n, "T")
                     for n in output_names(first).in_order(first.states)],
            type_constraints=[("T", ["tensor(float)"], "")],
            attributes=[schema.Attribute(n, k, "", required=False) for n, k in kinds.items()]))
    try:
        yield
    finally:
        for model in models:
            onnx.defs.deregister_schema(model, DOMAIN_VERSION, DOMAIN)
