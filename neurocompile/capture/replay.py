"""The replay gate: what was captured must compute what the model computes, bit for bit, twice.

The eager model, the model with stand-ins and the exported program run on the same inputs, two
calls in a row from reset; any difference refuses the capture. A gate proves nothing on a silent
network, so every neuron module that never fired is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from neurocompile.capture.adapters.base import StandIn
from neurocompile.diagnostics import Diagnostic, FindingsError, Location
from neurocompile.ir.graph import Graph

CALLS = 2


@dataclass(frozen=True)
class Replay:
    """What a passed gate compared."""

    calls: int
    values: int  # output values per program, all calls
    spikes: dict[str, int]  # per neuron module that is reached, all calls


def silent(graph: Graph) -> Iterator[Diagnostic]:
    """NC106 for every neuron module that never fired while its graph was proved."""
    for path, count in sorted(((graph.info.get("replay") or {}).get("spikes") or {}).items()):
        if count == 0:
            yield Diagnostic("NC106", Location(module=path), {"module": path})


Program = Callable[..., Any]


def replay(eager: nn.Module, swapped: nn.Module, program: Program, inputs: Sequence[torch.Tensor],
           reset: Callable[[nn.Module], None]) -> Replay:
    """Run all three on `inputs`, CALLS times, state reset before each call.

    `reset` clears the state of the eager and the swapped model. Raises FindingsError (NC105) at the
    first difference.
    """
    spikes = _count_spikes(swapped)
    compared = 0
    for call in range(CALLS):
        outputs = []
        for run in (eager, swapped, program):
            if isinstance(run, nn.Module):
                reset(run)
            before = _tensors(run) if run is eager else {}
            with torch.no_grad():
                outputs.append([o for o in tree_leaves(run(*inputs)) if o is not None])
            if run is eager:
                reset(run)
                kept = _changed(before, _tensors(run))
        expected, *others = outputs
        for who, found in zip(("model with stand-in neurons", "exported program"), others,
                              strict=True):
            difference = _difference(who, call, expected, found)
            if difference is not None:
                raise FindingsError(replace(difference, notes=kept))
        compared += sum(o.numel() for o in expected if isinstance(o, torch.Tensor))
    return Replay(CALLS, compared, spikes)


def _tensors(model: Any) -> dict[str, torch.Tensor]:
    """Copies of the tensors that modules hold as plain attributes or buffers, by name."""
    return {f"{path}.{name}".lstrip("."): value.detach().clone()
            for path, module in model.named_modules()
            for name, value in {**vars(module), **module._buffers}.items()
            if isinstance(value, torch.Tensor)}


def _changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> tuple[str, ...]:
    """Notes on state that a call left behind and no reset cleared."""
    return tuple(f"`{name}` changed while the model ran, and no reset clears it"
                 for name in sorted({*before, *after})
                 if name not in before or name not in after
                 or not torch.equal(before[name], after[name]))


def _count_spikes(model: nn.Module) -> dict[str, int]:
    counts: dict[str, int] = {}
    for module in model.modules():
        if isinstance(module, StandIn):
            module.counts = counts
    return counts


def _difference(who: str, call: int, expected: Sequence[Any], found: Sequence[Any]
                ) -> Diagnostic | None:
    """The first difference between two lists of outputs."""
    if len(expected) != len(found):
        return _mismatch(who, call, "(all)", len(expected), len(found), "number of outputs",
                         len(expected), len(found))
    for number, (a, b) in enumerate(zip(expected, found, strict=True)):
        if not isinstance(a, torch.Tensor):
            if a != b:
                return _mismatch(who, call, number, 1, 1, "-", a, b)
            continue
        if a.shape != b.shape:
            return _mismatch(who, call, number, 1, 1, "shape", tuple(a.shape), tuple(b.shape))
        wrong = a != b
        if bool(wrong.any()):
            index = tuple(int(i) for i in wrong.nonzero()[0])
            return _mismatch(who, call, number, int(wrong.sum()), a.numel(), index,
                             float(a[index]), float(b[index]))
    return None


def _mismatch(who: str, call: int, output: object, different: int, total: int, index: object,
              expected: object, found: object) -> Diagnostic:
    return Diagnostic("NC105", values={
        "who": who, "call": call + 1, "output": output, "different": different, "total": total,
        "index": str(index), "expected": expected, "found": found})
