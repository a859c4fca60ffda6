"""Writes into parts of a tensor become one join of their parts, with the same values."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import nn

from neurocompile.capture.quiet import quiet
from neurocompile.capture.writes import WRITES, join_writes


class Code(nn.Module):
    def __init__(self, code: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.code = code

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.code(x)


def every_entry(x: torch.Tensor) -> torch.Tensor:
    out = torch.zeros(4, 3)
    for t in range(4):
        out[t] = x[t] * (t + 1)
    return out


def some_entries_twice(x: torch.Tensor) -> torch.Tensor:
    out = x.clone()
    out[1:3] = x[:2] + 1
    out[2] = x[0] - 1
    out[-1, :] = 7
    return out


def reads_between(x: torch.Tensor) -> torch.Tensor:
    out = torch.zeros(4, 3)
    out[0] = x[0]
    for t in range(1, 4):
        out[t] = out[t - 1] + x[t]
    return out


def two_axes(x: torch.Tensor) -> torch.Tensor:
    out = torch.zeros(4, 3)
    out[:, 1] = x[:, 0]
    out[2] = x[1]
    out[1:3, :2] = x[:2, 1:]
    return out


def with_gaps(x: torch.Tensor) -> torch.Tensor:
    out = x.clone()
    out[::2] = x[1::2] * 3
    return out


def nothing_at_all(x: torch.Tensor) -> torch.Tensor:
    out = x.clone()
    out[4:] = x[4:]
    return out + 1


@pytest.mark.parametrize(("code", "joins", "writes"), [
    (every_entry, 1, 0), (some_entries_twice, 2, 0), (reads_between, 1, 0), (two_axes, None, 0),
    (with_gaps, 0, 1), (nothing_at_all, None, 0)])
def test_values_stay_and_writes_go(code: Callable[[torch.Tensor], torch.Tensor],
                                   joins: int | None, writes: int) -> None:
    x = torch.arange(12.0).reshape(4, 3)
    with quiet():
        table = dict(torch.export.default_decompositions())
        for op in WRITES:
            table.pop(op, None)
        program = torch.export.export(Code(code), (x,), strict=False).run_decompositions(table)
    join_writes(program)
    counts = Counter(node.target for node in program.graph.nodes)
    assert sum(counts[op] for op in WRITES) == writes
    if joins is not None:
        assert counts[torch.ops.aten.cat.default] == joins
    assert torch.equal(program.module()(x), code(x))
