"""Loops whose ticks differ: which lines are named."""

from pathlib import Path

import pytest
import snntorch
import torch
from torch import nn

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import FindingsError
from neurocompile.passes.lowering.lower import lower
from tests.capture import nets

LINES = Path(__file__).read_text().splitlines()


class Odd(nn.Module):
    """Tick 2 scales its own part of the input, deep under what all ticks do alike."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(10, 8), nn.Linear(8, 5)
        self.lif1, self.lif2 = snntorch.Leaky(beta=0.5), snntorch.Leaky(beta=0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        total = torch.zeros(())
        for t in range(4):
            y = x[:, t]
            if t == 2:
                y = y * 2  # odd
            y = self.fc(y)  # common
            s, mem1 = self.lif1(y + 1, mem1)
            s, mem2 = self.lif2(self.out(s), mem2)
            total = total + s
        return total


def test_the_deepest_difference_is_named_in_both_ticks() -> None:
    with pytest.raises(FindingsError) as error:
        lower(capture(nets.lively(Odd()), nets.image(3, 4, 10)))
    finding, = error.value.diagnostics
    assert finding.code == "NC112"
    assert (finding.values["tick"], finding.values["other"]) == (2, 3)
    odd = next(n for n, line in enumerate(LINES, 1) if line.endswith("# odd"))
    other = next(n for n, line in enumerate(LINES, 1) if line.strip() == "y = x[:, t]")
    assert finding.where.line == odd
    assert f"`Mul` at tests/passes/lowering/test_deviation.py:{odd}" in finding.message
    assert f"test_deviation.py:{other}" in finding.message


def layer(fc: nn.Module, lif: nn.Module, x: torch.Tensor, t: int) -> torch.Tensor:
    spikes: torch.Tensor = lif(fc(x) * (t + 1.0))  # helper
    return spikes


class OneLine(nn.Module):
    """Ticks that differ within one line: by a factor, or by the layer, here or in a helper."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.fc = kind, nn.Linear(10, 8)
        self.out, self.other = nn.Linear(8, 8), nn.Linear(8, 8)
        self.lif1, self.lif2 = (snntorch.Leaky(beta=0.5, init_hidden=True) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(())
        for t in range(3):
            s = self.lif1(self.fc(x))
            if self.kind == "factor":
                y = self.lif2(self.out(s) * (t + 1.0))  # factor
            elif self.kind == "layer":
                y = self.lif2((self.out if t else self.other)(s))  # layer
            elif t:
                y = layer(self.out, self.lif2, s, 1)  # call
            else:
                y = layer(self.out, self.lif2, s, 0)  # other call
            total = total + y
        return total


@pytest.mark.parametrize(("kind", "words"), [
    ("factor", "`Gemm` in out against `Mul` at {file}:{factor}"),
    ("layer", "`Gemm` in other against `Gemm` in out at {file}:{layer}"),
    ("call", ("`Gemm` at {file}:{helper} called from {file}:{other call} against that called from "
              "{file}:{call}")),
])
def test_one_line_is_said_once(kind: str, words: str) -> None:
    model = OneLine(kind)
    with pytest.raises(FindingsError) as error:
        lower(capture(model.eval(), torch.rand(3, 10), prove=False))
    finding, = error.value.diagnostics
    marks = {mark: n for n, line in enumerate(LINES, 1) for mark in ("factor", "layer", "helper",
             "call", "other call") if line.endswith(f"# {mark}")}
    assert finding.code == "NC112"
    assert finding.message.endswith(words.format(file="tests/passes/lowering/test_deviation.py", **marks))
