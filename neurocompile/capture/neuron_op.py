"""The opaque neuron op: how a neuron passes through torch.export and lands in an ONNX graph.

`torch.ops.neurocompile.neuron` computes T ticks of one population by the executable
specification of its profile. In a Graph it is a node `IF`, `LIF` or `CubaLIF` of domain
`ai.neurocompile` whose overload is the profile's name and whose body (a FunctionProto) repeats the
specification in standard ONNX, so that the saved file runs in any ONNX runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import onnxscript
import torch

from neurocompile.capture.quiet import quiet
from neurocompile.semantics.floating import PROFILES, Constants, Profile, advance
from neurocompile.semantics.loihi import Reset

DOMAIN = "ai.neurocompile"
DOMAIN_VERSION = 1
MODELS = ("IF", "LIF", "CubaLIF")
FIELDS = ("v_th", "v_reset", "tau", "rate", "beta", "alpha")  # of Constants, in order


def _neuron(x_seq: torch.Tensor, u0: torch.Tensor, v0: torch.Tensor, profile: str,
            constants: list[float], module: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Spikes [T, ...] and last u, v [...] of a population fed with x_seq [T, ...].

    u0 and v0 broadcast to one tick's shape; `constants` are the FIELDS of Constants. The results
    are contiguous, as SpikingJelly's are, whatever the strides of x_seq.
    """
    spec, values = PROFILES[profile], Constants(*constants)
    u, v = u0.expand_as(x_seq[0]), v0.expand_as(x_seq[0])
    spikes = []
    for x in x_seq:
        s, u, v = advance(spec, values, x, u, v, lambda b: b.to(x_seq.dtype))
        spikes.append(s)
    dense = torch.contiguous_format
    return (torch.stack(spikes).contiguous(), u.clone(memory_format=dense),
            v.clone(memory_format=dense))


with quiet():  # torch remarks that Triton is missing
    neuron = torch.library.custom_op("neurocompile::neuron", _neuron, mutates_args=())


@neuron.register_fake
def _(x_seq: torch.Tensor, u0: torch.Tensor, v0: torch.Tensor, profile: str,
      constants: list[float], module: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    shape = x_seq.shape
    return x_seq.new_empty(shape), x_seq.new_empty(shape[1:]), x_seq.new_empty(shape[1:])


def _attributes(profile: Profile) -> tuple[str, ...]:
    """The constants that a profile's body uses."""
    by_charge = {"add": (), "div-tau": ("v_reset", "tau"), "sub-div-tau": ("v_reset", "tau"),
                 "rate": ("v_reset", "rate"), "sub-rate": ("v_reset", "rate"), "beta": ("beta",)}
    used = {"v_th", *by_charge[profile.charge]}
    if profile.reset is Reset.HARD:
        used.add("v_reset")
    if profile.model == "CubaLIF":
        used.add("alpha")
    return tuple(name for name in FIELDS if name in used)


_CHARGE_TEXT = {
    "add": "h = Add(v, i)",
    "div-tau": "c0 = Sub(v, v_reset) c1 = Sub(i, c0) c2 = Div(c1, tau) h = Add(v, c2)",
    "sub-div-tau": "c0 = Sub(v, v_reset) c1 = Div(c0, tau) c2 = Sub(v, c1) h = Add(c2, i)",
    "rate": "c0 = Sub(v, v_reset) c1 = Sub(i, c0) c2 = Mul(c1, rate) h = Add(v, c2)",
    "sub-rate": "c0 = Sub(v, v_reset) c1 = Mul(c0, rate) c2 = Sub(v, c1) h = Add(c2, i)",
    "beta": "c0 = Mul(beta, v) h = Add(c0, i)",
}


def _tick_text(profile: Profile) -> str:
    """One tick as ONNX text: from u, v, x to s, u_next, v_next."""
    cuba = profile.model == "CubaLIF"
    text = "u1 = Mul(alpha, u) u_next = Add(u1, x) i = Identity(u_next) " if cuba else (
        "u_next = Identity(u) i = Identity(x) ")
    charge = _CHARGE_TEXT[profile.charge]
    if profile.framework.startswith("spikingjelly"):
        text += charge + " d = Sub(h, v_th) b = GreaterOrEqual(d, zero) s = CastLike(b, x) "
        if profile.reset is Reset.HARD:
            return text + ("keep = Sub(one, s) kept = Mul(keep, h) jump = Mul(s, v_reset) "
                           "v_next = Add(kept, jump)")
        return text + "jump = Mul(s, v_th) v_next = Sub(h, jump)"
    text += "d0 = Sub(v, v_th) b0 = Greater(d0, zero) r = CastLike(b0, x) "
    if profile.reset is Reset.HARD:
        text += "keep = Sub(one, r) v1 = Mul(keep, v) " + charge.replace("(beta, v)", "(beta, v1)")
    else:
        text += charge
    if profile.reset is Reset.SOFT_DELAYED:
        text += " jump = Mul(r, v_th) v_next = Sub(h, jump) "
    elif profile.reset is Reset.HARD_DELAYED:
        text += " jump = Mul(r, h) v_next = Sub(h, jump) "
    else:
        text += " v_next = Identity(h) "
    return text + "d = Sub(v_next, v_th) b = Greater(d, zero) s = CastLike(b, x)"


def function_body(profile: Profile, opset: int) -> onnx.FunctionProto:
    """The node's meaning as a FunctionProto: a Scan over ticks of the profile's equations."""
    attributes = _attributes(profile)
    constants = " ".join(f"{name} = Constant <value_float: float = @{name}> ()"
                         for name in attributes)
    signature = f"{profile.model} <{', '.join((*attributes, 'module'))}>"
    text = (
        f'<opset_import: ["": {opset}], domain: "{DOMAIN}">\n'
        f"{signature} (x_seq, u0, v0) => (s_seq, u_last, v_last) {{ {constants} "
        "one = Constant <value_float: float = 1.0> () zero = Constant <value_float: float = 0.0> () "
        "first = Constant <value_int: int = 0> () x0 = Gather <axis: int = 0> (x_seq, first) "
        "shape = Shape(x0) u_start = Expand(u0, shape) v_start = Expand(v0, shape) "
        "u_last, v_last, s_seq = Scan <num_scan_inputs = 1, body = tick (u, v, x) => "
        f"(u_next, v_next, s) {{ {_tick_text(profile)} }}> (u_start, v_start, x_seq) }}"
    )
    function = onnx.parser.parse_function(text)
    function.overload = profile.name
    for node in function.node:
        for attribute in node.attribute:
            if attribute.name == "body":  # the parser leaves the Scan body untyped
                for value in (*attribute.g.input, *attribute.g.output):
                    value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return function


def _register_schemas() -> None:
    schema = onnx.defs.OpSchema
    kinds = {**dict.fromkeys(FIELDS, schema.AttrType.FLOAT), "module": schema.AttrType.STRING,
             "profile": schema.AttrType.STRING}
    for name in MODELS:
        if onnx.defs.has(name, DOMAIN):
            continue
        onnx.defs.register_schema(schema(
            name, DOMAIN, DOMAIN_VERSION, "",
            inputs=[schema.FormalParameter(n, "T") for n in ("x_seq", "u0", "v0")],
            outputs=[schema.FormalParameter(n, "T") for n in ("s_seq", "u_last", "v_last")],
            type_constraints=[("T", ["tensor(float)"], "")],
            attributes=[schema.Attribute(n, k, "", required=False) for n, k in kinds.items()]))


_register_schemas()
_OPSET = onnxscript.values.Opset(DOMAIN, DOMAIN_VERSION)


def _translate(x_seq: Any, u0: Any, v0: Any, profile: str, constants: list[float],
               module: str) -> Any:
    spec = PROFILES[profile]
    values = dict(zip(FIELDS, constants, strict=True))
    used = {name: float(values[name]) for name in _attributes(spec)}
    op = getattr(_OPSET, spec.model)
    return op(x_seq, u0, v0, profile=profile, module=module, **used)


# onnxscript reads annotations to tell attributes from inputs
_translate.__annotations__ = {"profile": str, "constants": list[float], "module": str}
TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.neurocompile.neuron.default: _translate}
