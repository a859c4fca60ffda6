"""Capture of a PyTorch model: stand-ins for its neurons, torch.export, ONNX, the replay gate."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import onnx_ir as ir
import torch
from torch import nn
from torch.utils._pytree import tree_map

import neurocompile
from neurocompile.capture import adapters, neuron_op, writes
from neurocompile.capture.adapters.base import (
    UNKNOWN,
    StandIn,
    full_class_name,
    installed_version,
    refusal,
)
from neurocompile.capture.conversion import collection_deferred, to_onnx
from neurocompile.capture.copies import copy_model
from neurocompile.capture.declaration import ATTRIBUTE, Declaration
from neurocompile.capture.frames import lines_recorded, raised_at
from neurocompile.capture.graph_replay import BOUND, GraphReplay, replay_graph
from neurocompile.capture.handwritten.recognize import recognize
from neurocompile.capture.outputs import outputs_of, without_values
from neurocompile.capture.places import (
    class_names,
    keep_place,
    mark_synapses,
    traced_class_names,
)
from neurocompile.capture.quiet import quiet
from neurocompile.capture.readable import check_precision, count_parameters
from neurocompile.capture.replay import Replay, replay
from neurocompile.capture.rewind import Rewind
from neurocompile.capture.translations import translation_failure
from neurocompile.capture.user_code import model_failure, summary, user_code
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.ir import graph as g
from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_function import function_body
from neurocompile.ir.neuron_node import DOMAIN, DOMAIN_VERSION, as_neuron
from neurocompile.ir.stored_samples import store
from neurocompile.semantics.floating import Profile, decode

PACKAGES = {  # what is imported -> what is installed
    **{name: name for name in ("torch", "spikingjelly", "snntorch", "norse", "sinabs", "rockpool")},
    "lava.lib.dl.slayer": "lava-dl"}


SHAPES = ("let the named line fit any batch: take sizes from its input (x.shape), and give the shape "
          "of one sample as the model takes it")
_MISFIT = re.compile(r"is invalid for input of size|must match|cannot be multiplied|expected input|"
                     r"[Ee]xpected \d|channels, but got|out of range")  # torch, on shapes


class TraceError(UsageError):
    """torch.export could not trace the model on the inputs that it got."""


class TickLoop(nn.Module):
    """Runs a model that computes one tick per call `n_ticks` times; each output is averaged."""

    def __init__(self, model: nn.Module, n_ticks: int) -> None:
        super().__init__()
        self.model, self.n_ticks = model, n_ticks

    def forward(self, x: torch.Tensor, *more: torch.Tensor) -> Any:
        """The mean of the model's outputs over the ticks of static inputs."""
        outputs = [self.model(x, *more) for _ in range(self.n_ticks)]
        return tree_map(_mean, *outputs)


def _mean(*values: Any) -> Any:
    if isinstance(values[0], torch.Tensor):
        return torch.stack(values).mean(0)
    return values[0]


def capture(model: nn.Module, example: torch.Tensor | Sequence[torch.Tensor],
            n_ticks: int | None = None, prove: bool = True,
            neurons: Mapping[str, Declaration] | None = None) -> Graph:
    """The Graph of a model, proved equal to it on the example input.

    The model is copied, put into eval mode and reset; the caller's object is left as it is. Weights
    and inputs of another precision (`.half()`) are captured in float32, which is what is proved.
    `n_ticks`: the model computes one tick per call; run it that many times on the same input.
    `prove`: run the replay gate. Without it nothing is computed, which is enough to check a large
    architecture; such a Graph cannot be built.
    `neurons`: declarations by a class's full name, beside those in the code.

    Raises UsageError for what cannot be read (NC111, NC203; TraceError with NC102 or NC104 where
    the model cannot be traced on the input) and FindingsError when the captured program differs from
    the model (NC105).
    """
    examples = (example,) if isinstance(example, torch.Tensor) else tuple(example)
    with collection_deferred():
        return _capture(model, examples, n_ticks, prove, neurons or {})


def _capture(model: nn.Module, examples: Sequence[torch.Tensor], n_ticks: int | None, prove: bool,
             neurons: Mapping[str, Declaration]) -> Graph:
    inputs = tuple(x.detach().cpu().float() if x.is_floating_point() else x.detach().cpu()
                   for x in examples)
    count_parameters(model)
    with user_code(model_failure(type(model).__name__, "read its neurons")):
        eager = _prepare(model, n_ticks, neurons)
        with_stand_ins = swap(eager)
        to_export = copy_model(with_stand_ins) if prove else with_stand_ins
        has_stand_ins = any(isinstance(m, StandIn) for _, m in with_stand_ins.named_modules())
    program = _export(to_export, inputs)
    rewind = Rewind(reset, recognize(program), eager, with_stand_ins)
    graph = _prove(program, eager, with_stand_ins, inputs, rewind if prove else None, has_stand_ins,
                   class_names(eager))
    if n_ticks is not None:
        graph.model.metadata_props[g.INFO] = json.dumps(
            {**graph.info, g.TICKS_OPTION: n_ticks}, sort_keys=True)
    return graph


def capture_program(program: torch.export.ExportedProgram, inputs: Sequence[torch.Tensor],
                    prove: bool = True) -> Graph:
    """The Graph of a program that torch.export made elsewhere, proved equal to it on the inputs.

    Its neurons are those of `neurocompile.export`'s stand-ins and those that are recognized.
    Raises as `capture` does; UsageError (NC107) for a program that changes its own buffers.
    """
    eager = program.module()
    with quiet():
        rewritten = _decompose(program)
    buffers = sorted(rewritten.graph_signature.buffers_to_mutate.values())
    if buffers:
        raise UsageError(Diagnostic("NC107", Location(buffers[0]), {
            "module": buffers[0], "expected": "its resting one",
            "found": "the program keeps its state between calls"}))
    recognize(rewritten)
    return _prove(rewritten, eager, eager, inputs, reset if prove else None, False,
                  traced_class_names(rewritten))


def _prove(program: torch.export.ExportedProgram, eager: nn.Module, with_stand_ins: nn.Module,
            inputs: Sequence[torch.Tensor], rewind: Callable[[nn.Module], None] | None,
            has_neurons: bool, classes: Mapping[str, str]) -> Graph:
    """The Graph of a program after its neurons are ops; `rewind`: what to prove it with."""
    profiles = _profiles(program)
    if not profiles and not has_neurons:
        raise UsageError(Diagnostic("NC130"))
    check_precision(program)
    proof = None if rewind is None else replay(
        eager, with_stand_ins, program.module(), inputs, rewind)
    outputs = outputs_of(program)
    graph = _to_graph(program, profiles, classes)
    comparison = None if proof is None else replay_graph(graph, inputs, proof)
    info = {**_info(inputs, proof, comparison), "outputs": outputs}
    graph.model.metadata_props[g.INFO] = json.dumps(info, sort_keys=True)
    if proof is not None:
        store(graph, [x.numpy() for x in inputs])
    return graph


def _profiles(program: torch.export.ExportedProgram) -> dict[str, Profile]:
    """The profiles of a program's neurons by name."""
    profiles = (neuron_op.NeuronCall(*node.args).spec for node in program.graph.nodes
                if node.target is neuron_op.NEURON)
    return {profile.name: profile for profile in profiles}


def _prepare(model: nn.Module, n_ticks: int | None,
              neurons: Mapping[str, Declaration]) -> nn.Module:
    with user_code(model_failure(type(model).__name__, "copied it", theirs=True)):
        twin = copy_model(model)
        for convert in (twin.cpu, twin.float, twin.eval):
            convert()
    for adapter in adapters.ADAPTERS:
        adapter.prepare(twin)
    for _, module in twin.named_modules():
        if full_class_name(module) in neurons:
            setattr(module, ATTRIBUTE, neurons[full_class_name(module)])
    if n_ticks is not None:
        twin = TickLoop(twin, n_ticks)
        twin.eval()
    reset(twin)
    return twin


def reset(model: nn.Module) -> None:
    """Clear the state of every neuron, stand-ins included."""
    for _, module in model.named_modules():
        if isinstance(module, StandIn):
            module.reset()
        for adapter in adapters.ADAPTERS:
            adapter.reset(module)


def swap(model: nn.Module) -> nn.Module:
    """A copy of the model whose neurons are stand-ins."""
    twin = copy_model(model)
    for path, module in list(twin.named_modules()):
        stand_in = _stand_in(module, path)
        if stand_in is None:
            continue
        if not path:
            twin = stand_in
            break
        parent, _, name = path.rpartition(".")
        twin.get_submodule(parent)._modules[name] = stand_in
    twin.eval()
    return twin


def _stand_in(module: nn.Module, path: str) -> nn.Module | None:
    """What takes a module's place: the first adapter that knows it says."""
    for adapter in adapters.ADAPTERS:
        try:
            stand_in = adapter.adapt(module, path)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise refusal(module, path, f"reading it raised {summary(error)}") from error
        if stand_in is not None:
            return stand_in
    return None


def _export(model: nn.Module, inputs: Sequence[torch.Tensor]) -> torch.export.ExportedProgram:
    with (user_code(partial(_not_exported, type(model).__name__, inputs)), torch.no_grad(), quiet(),
          lines_recorded()):
        return _decompose(torch.export.export(model, tuple(inputs), strict=False))


def _not_exported(module: str, inputs: Sequence[torch.Tensor], error: BaseException) -> TraceError:
    """NC102 or NC104, at the user's line."""
    text = summary(error)
    if isinstance(error, Exception):
        text = str(error).strip() or type(error).__name__
    data_dependent = "data-dependent" in text or "GuardOnDataDependent" in type(error).__name__
    code = "NC104" if data_dependent else "NC102"
    return TraceError(Diagnostic(
        code, raised_at(error, module), {"module": module, "reason": text.splitlines()[0]},
        hint=SHAPES if _MISFIT.search(text) else None, notes=(f"traced on {_forms(inputs)}",)))


def _forms(inputs: Sequence[torch.Tensor]) -> str:
    """What inputs are, in words."""
    return ", ".join(f"{str(x.dtype).removeprefix('torch.')} of shape {tuple(x.shape)}" for x in inputs)


def _decompose(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """The program in core operators, its writes into parts of tensors as joins."""
    table: dict[Any, Any] = dict(torch.export.default_decompositions())
    for op in writes.WRITES:
        table.pop(op, None)
    core: torch.export.ExportedProgram = program.run_decompositions(table)
    writes.join_writes(core)
    return core


def _to_graph(program: torch.export.ExportedProgram, profiles: dict[str, Profile],
              classes: Mapping[str, str]) -> Graph:
    without_values(program)
    try:
        onnx_program = to_onnx(program, profiles.values(), mark_synapses)
    except torch.onnx.OnnxExporterError as error:
        raise UsageError(translation_failure(program, error)) from None
    if onnx_program is None:
        raise UsageError(Diagnostic("NC102", values={
            "module": "(model)", "reason": "torch.onnx gave no program"}))
    model = onnx_program.model
    for node in model.graph:
        _clean(node, classes)
    opset = model.opset_imports[""]
    model.opset_imports[DOMAIN] = DOMAIN_VERSION
    for _, profile in sorted(profiles.items()):
        body = ir.serde.deserialize_function(function_body(profile, opset))
        model.functions[body.identifier()] = body
    model.producer_name, model.producer_version = "neurocompile", neurocompile.__version__
    for value in (*model.graph.inputs, *model.graph.outputs):
        value.metadata_props.clear()
    for value in model.graph.initializers.values():
        value.metadata_props.clear()
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    return Graph(model)


def _info(inputs: Sequence[torch.Tensor], proof: Replay | None,
          comparison: GraphReplay | None) -> dict[str, Any]:
    versions = {package: installed_version(package, sys.modules[name].__file__)
                for name, package in PACKAGES.items() if name in sys.modules}
    return {
        "format": g.FORMAT,
        "versions": {package: version for package, version in versions.items()
                     if version != UNKNOWN},
        "inputs": [{"low": float(x.min()), "high": float(x.max()),
                    "integers": bool((x >= 0).all() and (x == x.round()).all())} for x in inputs],
        "replay": None if proof is None or comparison is None else {
            "calls": proof.calls, "values": proof.values, "spikes": proof.spikes,
            "graph": {"spikes": comparison.spikes, "different": comparison.different,
                      "bound": BOUND, "reason": comparison.reason}},
    }


def _clean(node: ir.Node, classes: Mapping[str, str]) -> None:
    """Keep where a node comes from; drop the exporter's own metadata and machine paths."""
    keep_place(node, classes)
    if as_neuron(node) is not None:
        node.overload = decode(str(node.attributes.pop(neuron_op.PROFILE_ATTRIBUTE).value)).name
    for value in node.outputs:
        value.metadata_props.clear()


def export(model: nn.Module, example: torch.Tensor | Sequence[torch.Tensor],
           path: str | os.PathLike[str], n_ticks: int | None = None) -> Graph:
    """Capture a model and write its Graph as an ONNX file; returns the Graph.

    Example: `neurocompile.export(net, images[:4], "net.onnx")`.
    """
    graph = capture(model, example, n_ticks)
    Path(path).write_bytes(graph.to_bytes())
    return graph
