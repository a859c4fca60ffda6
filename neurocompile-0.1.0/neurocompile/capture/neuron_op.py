"""The opaque neuron op: how a neuron passes through torch.export and lands in an ONNX graph.

`torch.ops.neurocompile.neuron` computes T ticks of one population by the equations of its profile.
In a Graph it is a node of domain `ai.neurocompile` (see `neurocompile.ir.neuron_function`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import onnx
import onnxscript
import torch

from neurocompile.capture.quiet import quiet
from neurocompile.ir.neuron_function import DOMAIN, DOMAIN_VERSION
from neurocompile.semantics.floating import Profile, advance, decode


def _neuron(x_seq: torch.Tensor, u0: torch.Tensor, v0: torch.Tensor, y_seq: torch.Tensor | None,
            profile: str, constants: Sequence[float], module: str
            ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What a population fed with x_seq [T, ...] (and y_seq) emits [T, ...], and its last u, v [...].

    u0 and v0 broadcast to one tick's shape. `profile` is encoded; `constants` are in its order. The
    results are contiguous, as the frameworks' are, whatever the strides of x_seq.
    """
    spec = decode(profile)
    values = dict(zip(spec.constants, constants, strict=True))
    u, v = u0.expand_as(x_seq[0]), v0.expand_as(x_seq[0])
    emitted = []
    for tick, x in enumerate(x_seq):
        s, u, v = advance(spec, values, x, u, v, None if y_seq is None else y_seq[tick])
        emitted.append(s)
    dense = torch.contiguous_format
    return (torch.stack(emitted).contiguous(), u.clone(memory_format=dense),
            v.clone(memory_format=dense))


with quiet():  # torch remarks that Triton is missing
    neuron = torch.library.custom_op("neurocompile::neuron", _neuron, mutates_args=())


@neuron.register_fake
def _(x_seq: torch.Tensor, u0: torch.Tensor, v0: torch.Tensor, y_seq: torch.Tensor | None,
      profile: str, constants: Sequence[float], module: str
      ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    shape = x_seq.shape
    return x_seq.new_empty(shape), x_seq.new_empty(shape[1:]), x_seq.new_empty(shape[1:])


@contextlib.contextmanager
def schemas(profiles: Iterable[Profile]) -> Iterator[None]:
    """Inside, ONNX knows the neuron nodes of these profiles, which onnxscript asks for.

    Outside it must not: a schema would list the constants of every profile there can be, while a
    model's own functions say it per profile.
    """
    schema = onnx.defs.OpSchema
    floats, text = schema.AttrType.FLOAT, schema.AttrType.STRING
    constants: dict[str, dict[str, onnx.defs.OpSchema.AttrType]] = {}
    for profile in profiles:
        kinds = constants.setdefault(profile.model, {"module": text, "profile": text})
        kinds.update(dict.fromkeys(profile.constants, floats))
    for model, kinds in constants.items():
        onnx.defs.register_schema(schema(
            model, DOMAIN, DOMAIN_VERSION, "",
            inputs=[*(schema.FormalParameter(n, "T") for n in ("x_seq", "u0", "v0")),
                    schema.FormalParameter(
                        "y_seq", "T", param_option=schema.FormalParameterOption.Optional)],
            outputs=[schema.FormalParameter(n, "T") for n in ("s_seq", "u_last", "v_last")],
            type_constraints=[("T", ["tensor(float)"], "")],
            attributes=[schema.Attribute(n, k, "", required=False) for n, k in kinds.items()]))
    try:
        yield
    finally:
        for model in constants:
            onnx.defs.deregister_schema(model, DOMAIN_VERSION, DOMAIN)


_OPSET = onnxscript.values.Opset(DOMAIN, DOMAIN_VERSION)


def _translate(x_seq: Any, u0: Any, v0: Any, y_seq: Any, profile: str, constants: Sequence[float],
               module: str) -> Any:
    spec = decode(profile)
    values = dict(zip(spec.constants, map(float, constants), strict=True))
    op = getattr(_OPSET, spec.model)
    inputs = (x_seq, u0, v0) if y_seq is None else (x_seq, u0, v0, y_seq)
    return op(*inputs, profile=profile, module=module, **values)


# onnxscript reads annotations to tell attributes from inputs
_translate.__annotations__ = {"profile": str, "constants": Sequence[float], "module": str}
TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.neurocompile.neuron.default: _translate}
