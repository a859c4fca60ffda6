"""A cause is reported once, and the help belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from neurocompile.capture.torch_model import capture
from neurocompile.ir.graph import Graph
from neurocompile.passes.legality import check_graph
from neurocompile.rules import RULES

Parse = Callable[[str], Graph]
HERE = Path(__file__)
T, B, C = 4, 4, 4  # what is taken for one another fits
IN = "(float[3,2,4,6] x, float[3,2,4,6] x2)"


def lif() -> nn.Module:
    node: nn.Module = neuron.LIFNode(step_mode="m")
    return node


class Three(nn.Module):
    """Three layers of neurons; what stands between them is a case's own."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fc, self.between = nn.Linear(C, C), between
        self.l1, self.l2, self.l3 = lif(), lif(), lif()

    def forward(self, x: Tensor) -> Tensor:
        s = self.l1(x.unsqueeze(0).repeat(T, 1, 1))
        t = self.l2(self.fc(self.between(s)))
        u = self.l3(self.fc(s) + self.fc(t))
        return u.mean(0) + t.transpose(0, 1).mean(1)


# name -> what goes wrong between the first neurons and the second, code, module
AXES: dict[str, tuple[Callable[[Tensor], Tensor], str, str]] = {
    "time and batch swapped": (lambda s: s.transpose(0, 1), "NC113", "l2"),
    "the batch for channels": (lambda s: s.transpose(1, 2), "NC113", "fc"),
    "channels in front": (lambda s: s.permute(2, 0, 1), "NC113", "fc"),
    "a mean over the batch": (lambda s: s - s.mean(1, keepdim=True), "NC113", ""),
}


@pytest.mark.parametrize("name", AXES)
def test_a_wrong_axis_is_reported_once(name: str) -> None:
    between, code, module = AXES[name]
    graph = capture(Three(between).eval(), torch.rand(B, C), prove=False)
    finding, = check_graph(graph)
    assert (finding.code, finding.where.module) == (code, module)
    assert finding.where.file == str(HERE.relative_to(Path.cwd()))


def test_two_wrong_axes_are_two() -> None:
    class Two(Three):
        def forward(self, x: Tensor) -> Tensor:
            s = self.l1(x.unsqueeze(0).repeat(T, 1, 1))
            t = self.l2(self.fc(s.transpose(0, 1)))
            u = self.l3(self.fc(s - s.mean(1, keepdim=True)))
            return t.mean(0) + u.mean(0)

    model = Two(nn.Identity())
    one, two = check_graph(capture(model.eval(), torch.rand(B, C), prove=False))
    assert [(a.code, a.where.module) for a in (one, two)] == [("NC113", "l2"), ("NC113", "")]
    assert two.message.startswith("`(model)` gets its input with time or batch in an unclear ")


def help_of(graph: Graph, code: str, allow: tuple[str, ...] = (), timing: str = "tick") -> str:
    finding, = (one for one in check_graph(graph, timing, allow) if one.code == code)
    return finding.help


W = "float[6,6] w"
# name -> code, opt-in that holds or "", graph
HELP = {
    "pool of spikes": ("NC122", "or-pool", f"""{IN} => (float[3,2,4,1] y) <int64[1] ax={{3}}> {{
        s, u, v = lif(x)  m = ReduceMax(s, ax)  y, u2, v2 = lif(m) }}"""),
    "pool of currents": ("NC122", "", f"""{IN} => (float[3,2,4,1] y) <{W}, int64[1] ax={{3}}> {{
        s, u, v = lif(x)  a = MatMul(s, w)  m = ReduceMax(a, ax)  y, u2, v2 = lif(m) }}"""),
    "minimum of spikes": ("NC122", "", f"""{IN} => (float[3,2,4,1] y) <int64[1] ax={{3}}> {{
        s, u, v = lif(x)  m = ReduceMin(s, ax)  y, u2, v2 = lif(m) }}"""),
    "product of spikes": ("NC121", "coincidence-gates", f"""{IN} => (float[3,2,4,6] y) {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = Mul(s, t)  y, u2, v2 = lif(a) }}"""),
    "product of currents": ("NC121", "", f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  b = MatMul(s, w)  a = Mul(b, t)
        y, u2, v2 = lif(a) }}"""),
    "sum of spikes": ("NC125", "residual-distribution", f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  b = Add(s, t)  c = MatMul(b, w)
        y, u2, v2 = lif(c) }}"""),
    "sum of currents": ("NC124", "residual-distribution", f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = MatMul(s, w)  b = Add(a, t)
        c = MatMul(b, w)  y, u2, v2 = lif(c) }}"""),
    "sum with what was refused": ("NC124", "", f"""{IN} => (float[3,2,4,6] y) <{W}> {{
        s, u, v = lif(x)  t, u1, v1 = lif(x2)  a = Softmax(s)  b = MatMul(a, w)  c = Add(b, t)
        d = MatMul(c, w)  y, u2, v2 = lif(d) }}"""),
}


@pytest.mark.parametrize("name", HELP)
def test_the_help_names_the_opt_in_that_holds(graph: Parse, name: str) -> None:
    code, opt_in, text = HELP[name]
    help_text = help_of(graph(text), code)
    assert help_text.startswith(RULES[code].fix)
    assert ("--allow" in help_text) == bool(opt_in)
    if opt_in:
        assert f"; or `--allow {opt_in}`, which makes " in help_text
        codes = [one.code for one in check_graph(graph(text), allow=[opt_in])]
        assert code not in codes, "what the help names holds"


def test_no_opt_in_without_a_tick(graph: Parse) -> None:
    code, _, text = HELP["pool of spikes"]
    assert "--allow" not in help_of(graph(text), code, timing="async")


class Twice(nn.Module):
    """A neuron that fires twice its threshold's multiples: no chip's."""

    def forward(self, x: Tensor) -> Tensor:
        v, out = torch.zeros_like(x[0]), []
        for t in range(3):
            v = v + x[t]
            s = torch.round(torch.clamp(v, 0, 4))
            v = v - s
            out.append(s)
        return torch.stack(out)


def test_no_normal_form_names_the_class() -> None:
    model = nn.Sequential(nn.Linear(C, C), Twice())
    finding, = check_graph(capture(model.eval(), torch.rand(3, B, C), prove=False))
    cls = f"{Twice.__module__}.Twice"
    assert (finding.code, finding.where.module, finding.values["cls"]) == ("NC201", "1", cls)
    assert finding.message.startswith(f"`1`, a `{cls}`, is no neuron of a chip: ")
    assert f"in place of `{cls}`" in finding.help


def test_steps_that_differ_at_one_line_say_it_once() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lif, self.fc = lif(), nn.Linear(C, C)

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(2):
                x = self.lif(self.fc(x))
            return x.mean(0)

    finding, = check_graph(capture(Shared().eval(), torch.rand(T, B, C), prove=False))
    place = f"{finding.where.file}:{finding.where.line}"
    assert finding.code == "NC112"
    assert finding.message.count(place) == 1
    assert "used 2 times in a tick, at " in finding.message
