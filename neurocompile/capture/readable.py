"""What of a model cannot be read, whatever its network is."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from neurocompile.capture import neuron_op
from neurocompile.capture.frames import module_path, place
from neurocompile.capture.user_code import model_failure, user_code
from neurocompile.diagnostics import Diagnostic, Location, UsageError

HALF = (torch.float16, torch.bfloat16)
NO_CAST = "compute in torch.float32: leave out the cast, or the autocast around it"


def count_parameters(model: nn.Module) -> int:
    """The numbers in a model's parameters. Raises UsageError (NC103) where it has none to copy."""
    name = type(model).__name__
    with user_code(model_failure(name, "counted its parameters", theirs=True)):
        parameters = dict(nn.Module.named_parameters(model))  # some have a method of that name
        for path, tensor in (*parameters.items(), *nn.Module.named_buffers(model)):
            if tensor.is_meta or is_lazy(tensor):
                raise UsageError(Diagnostic("NC103", Location(name), {
                    "module": name, "doing": "counted its parameters",
                    "reason": f"`{path}` holds no numbers"}, hint="make the model on the CPU, and "
                    "run lazy layers once, before it is given to neurocompile"))
        return sum(tensor.numel() for tensor in parameters.values())


def check_precision(program: torch.export.ExportedProgram) -> None:
    """Raises UsageError for what is computed in half precision (NC102), and for neurons in another
    than float32 (NC111)."""
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor) and value.dtype in HALF:
            raise UsageError(Diagnostic("NC102", place(node), {
                "module": module_path(node) or "(model)",
                "reason": f"it computes in {value.dtype}"}, hint=NO_CAST))
        if node.target is neuron_op.NEURON:
            call = neuron_op.NeuronCall(*node.args)
            dtype = call.x_seq.meta["val"].dtype
            if dtype is not torch.float32:
                raise UsageError(Diagnostic("NC111", place(node), {
                    "module": call.module, "cls": f"{call.spec.framework} neuron",
                    "reason": f"its input is {dtype}, and it is captured in torch.float32"},
                    hint=NO_CAST))
