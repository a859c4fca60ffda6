"""A class is known by what it computes, not by its name or its package's version.

A repository may ship a framework's code of its own, older or changed, and a version says nothing of
it. So each neuron that an adapter knows by name runs beside its stand-in for some ticks, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from neurocompile.capture.adapters.base import StandIn, refusal

Observe = Callable[[nn.Module, torch.Tensor], Iterable[object]]
S = TypeVar("S", bound=StandIn)
TICKS = 24
LEVELS = (-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)  # sums of them meet a threshold of 1
SCALES = (0.25, 1.0, 2.0, 4.0, 16.0, 64.0, 256.0, 1024.0)  # for neurons with whatever gain
SILENT = slice(10, 13)


def stimulus(v_th: float) -> torch.Tensor:
    """Inputs [TICKS, neurons] around a threshold: exact hits and noise, a silent stretch."""
    generator = torch.Generator().manual_seed(0)
    width = len(SCALES)
    levels = torch.randint(len(LEVELS), (TICKS, width, 4), generator=generator)
    noise = torch.randn(TICKS, width, 4, generator=generator) * 0.8 + 0.3
    x = torch.cat([torch.tensor(LEVELS)[levels], noise], -1)
    x[SILENT] = 0.0
    x *= torch.tensor(SCALES).unsqueeze(-1) * (abs(v_th) or 1.0)
    return x.flatten(1)


def same_as(module: nn.Module, path: str, candidates: Sequence[S], observe: Observe) -> S:
    """The first of the stand-ins that computes what the module computes.

    `observe(neuron, x)` gives, tick by tick, what the module or a stand-in emits and keeps for
    inputs x [ticks, neurons], from rest. A module that does not take them is left to the replay
    gate. Raises UsageError (NC111) where none of the stand-ins computes the same.
    """
    first = candidates[0]
    x = stimulus(first.named_constants.get("v_th", 1.0))
    with torch.no_grad():
        try:
            expected = _ticks(observe(module.eval(), x))
        except Exception:  # noqa: BLE001 - a framework's own code, on a shape that it may refuse
            return first
        for one in candidates:
            if _same(_ticks(observe(one.eval(), x)), expected):
                one.reset()
                return one
    raise refusal(module, path, f"the {first.framework} that is imported computes something else "
                                "with its options than the one that neurocompile knows")


def _ticks(values: Iterable[object]) -> list[torch.Tensor]:
    return [leaf.reshape(-1) for leaf in tree_leaves(list(values))
            if isinstance(leaf, torch.Tensor)]


def _same(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> bool:
    return len(one) == len(other) > 0 and all(map(torch.equal, one, other))
