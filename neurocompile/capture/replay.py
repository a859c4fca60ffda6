"""The replay gate: what was captured must compute what the model computes, bit for bit, twice.

The eager model, the model with stand-ins and the exported program run on the same inputs, two
calls in a row from reset; any difference refuses the capture. Then the saved Graph runs in
onnxruntime (`neurocompile.capture.graph_replay`). A gate proves nothing on a silent network, so
every neuron module that never fired is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn
from torch._subclasses import FakeTensor
from torch.utils._pytree import tree_leaves

from neurocompile.capture.neuron_op import NEURON, NeuronCall
from neurocompile.capture.user_code import model_failure, user_code
from neurocompile.diagnostics import Diagnostic, FindingsError, Location, UsageError
from neurocompile.ir.graph import Graph
from neurocompile.ir.neuron_node import Inputs, Outputs

CALLS = 2


@dataclass(frozen=True, eq=False)
class NeuronRun:
    """One run of a neuron op: whose, and what it took and gave."""

    module: str
    inputs: Inputs[torch.Tensor]
    outputs: Outputs[torch.Tensor]


@dataclass(frozen=True, eq=False)
class Replay:
    """What a passed gate compared, and the program's last call."""

    calls: int
    values: int  # output values per program, all calls
    spikes: dict[str, int]  # per neuron module that is reached, all calls
    runs: tuple[NeuronRun, ...]  # of the last call, in the program's order
    outputs: tuple[Any, ...]  # of the last call


def doubts(graph: Graph) -> Iterator[Diagnostic]:
    """What the proof of a graph leaves open: silent modules (NC106), rounding ties (NC108)."""
    proof = graph.info.get("replay") or {}
    for path, count in sorted((proof.get("spikes") or {}).items()):
        if count == 0:
            yield Diagnostic("NC106", Location(module=path), {"module": path})
    comparison = proof.get("graph") or {}
    if comparison.get("different"):
        yield Diagnostic("NC108", values={key: comparison[key] for key in (
            "different", "spikes", "reason")})


class _NeuronRecorder(fx.Interpreter):
    """Runs a program and keeps what its neuron ops took and gave."""

    def __init__(self, program: fx.GraphModule) -> None:
        super().__init__(program)
        self.runs: list[NeuronRun] = []

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        result = super().call_function(target, args, kwargs)
        if target is NEURON:
            call = NeuronCall(*args)
            self.runs.append(NeuronRun(call.module, call.inputs, call.outputs(result)))
        return result


def replay(eager: nn.Module, with_stand_ins: nn.Module, program: fx.GraphModule,
           inputs: Sequence[torch.Tensor], reset: Callable[[nn.Module], None]) -> Replay:
    """Run all three on `inputs`, CALLS times, state reset before each call.

    `reset` clears the state of the eager and the swapped model. Raises FindingsError (NC105) at the
    first difference.
    """
    program.graph.eliminate_dead_code()
    spikes: dict[str, int] = {}
    values = 0
    for call in range(CALLS):
        recorder = _NeuronRecorder(program)
        outputs = []
        for run in (eager, with_stand_ins, recorder.run):
            with user_code(model_failure(type(eager).__name__, f"ran it (call {call + 1})")), torch.no_grad():
                if isinstance(run, nn.Module):
                    reset(run)
                before = _tensors(run) if run is eager else {}
                outputs.append([o for o in tree_leaves(run(*inputs)) if o is not None])
                if run is eager:
                    reset(run)
                    leftovers = _changes(before, _tensors(run))
        expected, *others = outputs
        if any(isinstance(output, FakeTensor) for output in expected):
            raise UsageError(Diagnostic("NC103", values={
                "module": type(eager).__name__, "doing": f"ran it (call {call + 1})",
                "reason": "it keeps state outside of its modules, where tracing changed it"},
                hint="keep state in attributes of modules, not in globals or classes"))
        for who, results in zip(("model with stand-in neurons", "exported program"), others,
                              strict=True):
            difference = _difference(who, call, expected, results)
            if difference is not None:
                raise FindingsError(replace(difference, notes=leftovers))
        values += sum(o.numel() for o in expected if isinstance(o, torch.Tensor))
        for neuron in recorder.runs:
            count = int(neuron.outputs.spikes.count_nonzero())
            spikes[neuron.module] = spikes.get(neuron.module, 0) + count
    return Replay(CALLS, values, spikes, tuple(recorder.runs), tuple(others[-1]))


def _tensors(model: Any) -> dict[str, torch.Tensor]:
    """Copies of the tensors that modules hold as plain attributes or buffers, by name."""
    return {f"{path}.{name}".lstrip("."): value.detach().clone()
            for path, module in model.named_modules()
            for name, value in {**vars(module), **module._buffers}.items()
            if isinstance(value, torch.Tensor) and value.layout is torch.strided}


def _changes(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> tuple[str, ...]:
    """Notes on state that a call left behind and no reset cleared."""
    return tuple(f"`{name}` changed while the model ran, and no reset clears it"
                 for name in sorted({*before, *after})
                 if name not in before or name not in after
                 or not torch.equal(before[name], after[name]))


def _difference(who: str, call: int, expected: Sequence[Any], results: Sequence[Any]
                ) -> Diagnostic | None:
    """The first difference between two lists of outputs."""
    if len(expected) != len(results):
        return mismatch(who, call, "(all)", len(expected), len(results), "number of outputs",
                         len(expected), len(results))
    for number, (a, b) in enumerate(zip(expected, results, strict=True)):
        if not isinstance(a, torch.Tensor):
            if a != b:
                return mismatch(who, call, number, 1, 1, "-", a, b)
            continue
        if a.shape != b.shape:
            return mismatch(who, call, number, 1, 1, "shape", tuple(a.shape), tuple(b.shape))
        wrong = a != b
        if bool(wrong.any()):
            index = tuple(int(i) for i in wrong.nonzero()[0])
            return mismatch(who, call, number, int(wrong.sum()), a.numel(), index,
                             float(a[index]), float(b[index]))
    return None


def mismatch(who: str, call: int, output: object, different: int, total: int, index: object,
             expected: object, result: object) -> Diagnostic:
    """NC105, counting calls from 0."""
    return Diagnostic("NC105", values={
        "who": who, "call": call + 1, "output": output, "different": different, "total": total,
        "index": str(index), "expected": expected, "found": result})
