"""The replay gate: what was captured must compute what the model computes, bit for bit, twice.

The eager model, the model with stand-ins and the exported program run on the same inputs, two
calls in a row from reset; any difference refuses the capture. A gate proves nothing on a silent
network, so every neuron module that never fired is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
            with torch.no_grad():
                outputs.append([o for o in tree_leaves(run(*inputs)) if o is not None])
        expected, *others = outputs
        for who, found in zip(("model with stand-in neurons", "exported program"), others,
                              strict=True):
            _compare(who, call, expected, found)
        compared += sum(o.numel() for o in expected if isinstance(o, torch.Tensor))
    return Replay(CALLS, compared, spikes)


def _count_spikes(model: nn.Module) -> dict[str, int]:
    counts: dict[str, int] = {}
    for module in model.modules():
        if isinstance(module, StandIn):
            module.counts = counts
    return counts


def _compare(who: str, call: int, expected: Sequence[Any], found: Sequence[Any]) -> None:
    if len(expected) != len(found):
        raise FindingsError(_mismatch(who, call, "(all)", len(expected), len(found), "number of "
                                      "outputs", len(expected), len(found)))
    for number, (a, b) in enumerate(zip(expected, found, strict=True)):
        if not isinstance(a, torch.Tensor):
            if a != b:
                raise FindingsError(_mismatch(who, call, number, 1, 1, "-", a, b))
            continue
        if a.shape != b.shape:
            raise FindingsError(_mismatch(who, call, number, 1, 1, "shape", tuple(a.shape),
                                          tuple(b.shape)))
        wrong = a != b
        if bool(wrong.any()):
            index = tuple(int(i) for i in wrong.nonzero()[0])
            raise FindingsError(_mismatch(who, call, number, int(wrong.sum()), a.numel(), index,
                                          float(a[index]), float(b[index])))


def _mismatch(who: str, call: int, output: object, different: int, total: int, index: object,
              expected: object, found: object) -> Diagnostic:
    return Diagnostic("NC105", values={
        "who": who, "call": call + 1, "output": output, "different": different, "total": total,
        "index": str(index), "expected": expected, "found": found})
