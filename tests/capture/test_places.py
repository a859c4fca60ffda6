"""Findings stand at the line of the operation that they name, with the calls that led there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MethodType

import pytest
import torch
import torch.nn.functional as F
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

import neurocompile
from neurocompile.capture.frames import is_user_code, user_frames
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import Call, Diagnostic
from neurocompile.passes.legality import check_graph

HERE = Path(__file__)
T, C = 2, 4


def line(mark: str) -> int:
    """The line of this file that ends in the comment `# mark`."""
    (number,) = [number for number, text in enumerate(HERE.read_text().splitlines(), 1)
                 if text.rstrip().endswith(f"# {mark}")]
    return number


def lif() -> nn.Module:
    node: nn.Module = neuron.LIFNode(step_mode="m")
    return node


def findings(model: nn.Module, *shape: int) -> list[Diagnostic]:
    graph = capture(model.eval(), torch.rand(*shape), prove=False)
    return sorted(check_graph(graph), key=Diagnostic.sort_key)


def places(diagnostics: list[Diagnostic]) -> list[tuple[str, str, int | None]]:
    assert {one.where.file for one in diagnostics} == {str(HERE.relative_to(Path.cwd()))}
    return [(one.code, one.where.module, one.where.line) for one in diagnostics]


def callers(one: Diagnostic) -> list[int]:
    return [call.line for call in one.where.callers]


class Synapses(nn.Module):
    """What the exporter folds into a synapse stands on a line of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(C, C, 1), nn.BatchNorm2d(C)
        self.up, self.up_bn = nn.ConvTranspose2d(C, C, 1), nn.BatchNorm2d(C)
        self.fc, self.fc_bn = nn.Linear(C, C), nn.BatchNorm1d(C)
        self.pad, self.border = nn.ZeroPad2d(1), nn.Conv2d(C, C, 3)
        self.lifs = nn.ModuleList(lif() for _ in range(6))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = x.unsqueeze(0).repeat(T, 1, 1, 1, 1)
        s = (self.lifs[0](x) + self.lifs[1](x)).flatten(0, 1)
        a = self.conv(s)  # conv
        a = self.bn(a)
        b = self.up(s)  # up
        b = self.up_bn(b)
        c = self.fc(s.flatten(2)[..., 0])  # fc
        c = self.fc_bn(c)
        d = self.pad(s)
        d = self.border(d)  # border
        return tuple(node(y.unflatten(0, (T, -1))).mean(0)
                     for node, y in zip(self.lifs[2:], (a, b, c, d), strict=True))


def test_what_is_folded_into_a_synapse_leaves_it_at_its_line() -> None:
    assert places(findings(Synapses(), 3, C, 2, 2)) == [
        ("NC125", name, line(name)) for name in ("conv", "up", "fc", "border")]


def product_of(q: Tensor, k: Tensor) -> Tensor:
    """A helper that two lines of a model share."""
    return by_product(q, k)  # helper


def by_product(q: Tensor, k: Tensor) -> Tensor:
    return q * k  # product


class Weights(nn.Module):
    """A class of a model that is used in several places."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x - 0.5, -1)  # softmax


class Calls(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lifs = nn.ModuleList(lif() for _ in range(7))
        self.gate, self.other = Weights(), Weights()
        self.seq = nn.Sequential(Weights())
        self.plain = nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = x.unsqueeze(0).repeat(T, 1, 1)
        s, t = self.lifs[0](x), self.lifs[1](x)
        a = product_of(s, t)  # first
        b = product_of(t, s)  # second
        c = self.gate(s) + self.other(t)  # gates
        d = self.seq(1 - s)  # seq
        e = self.plain(s)  # plain
        return tuple(node(y).mean(0)
                     for node, y in zip(self.lifs[2:], (a, b, c, d, e), strict=True))


def norm_of(_: nn.Module, x: Tensor) -> Tensor:
    return torch.log_softmax(x, -1)  # patched


def test_calls_that_led_to_a_line() -> None:
    model = Calls()
    vars(model.plain)["forward"] = MethodType(norm_of, model.plain)
    diagnostics = findings(model, 3, C)
    softmax = ("NC123", line("softmax"))
    assert [(*place, callers(one)) for place, one in zip(
        places(diagnostics), diagnostics, strict=True)] == [
        ("NC121", "", line("product"), [line("helper"), line("first")]),
        ("NC121", "", line("product"), [line("helper"), line("second")]),
        (softmax[0], "gate", softmax[1], [line("gates")]),
        (softmax[0], "other", softmax[1], [line("gates")]),
        (softmax[0], "seq.0", softmax[1], [line("seq")]),
        ("NC123", "plain", line("patched"), [line("plain")])]
    assert diagnostics[0].where.calls == (
        f"called from tests/capture/test_places.py:{line('helper')}, "
        f"tests/capture/test_places.py:{line('first')}")


class PerTick(nn.Module):
    """Neurons by hand, and convolutions that are called tick by tick."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(C, C, 1) for _ in range(4))
        self.lifs = nn.ModuleList(Lif() for _ in range(3))

    def per_tick(self, number: int, x: Tensor) -> Tensor:
        weight = self.convs[number].get_parameter("weight")
        return torch.stack([F.conv1d(x[t], weight) for t in range(5)])  # tick

    def forward(self, x: Tensor) -> Tensor:
        z = self.per_tick(0, x.unsqueeze(0).repeat(5, 1, 1, 1))
        z = z + self.per_tick(1, self.lifs[0](z))
        z = z + self.per_tick(2, self.lifs[1](z))
        return self.lifs[2](self.per_tick(3, z)).mean(0)  # joined


class Lif(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        v, spike, spikes = torch.zeros_like(x[0]), torch.zeros_like(x[0]), []
        for t in range(5):
            v = v * 0.25 * (1 - spike) + x[t]
            spike = v.gt(0.5).float()
            spikes.append(spike)
        return torch.stack(spikes)


def test_branches_do_not_multiply_with_ticks() -> None:
    finding, = findings(PerTick(), 3, C, 2)
    assert (finding.code, finding.values["branches"]) == ("NC124", 2)
    assert places([finding]) == [("NC124", "", line("tick"))]
    assert callers(finding) == [line("joined")]
    assert finding.notes == ("branches from lifs.0, lifs.1",
                             "by linearity it equals 2 projections, one a branch")


class TwoTicks(nn.Module):
    """A synapse behind the sum of a tick and the one before: two branches of one module."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.fc = neuron.LIFNode(step_mode="s"), nn.Linear(C, C)
        self.second = neuron.LIFNode(step_mode="s")

    def forward(self, x: Tensor) -> Tensor:
        before, out = torch.zeros_like(x), torch.zeros_like(x)
        for _ in range(4):
            s = self.first(x)
            out = out + self.second(self.fc(s + before))
            before = s
        return out


def test_two_ticks_of_a_module_are_two_branches() -> None:
    assert {one.values["branches"] for one in findings(TwoTicks(), 3, C)} == {2}


NET = '''
from spikingjelly.activation_based import neuron
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1, self.l2, self.l3 = (neuron.LIFNode(step_mode="m") for _ in range(3))

    def forward(self, x):
        return self.l3(self.l1(x) * self.l2(x)).mean(0)
'''


@pytest.fixture
def net_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
             ) -> Iterator[Callable[[str], type[nn.Module]]]:
    """The network of a file that is written and net_of as a module of that name."""
    def load(name: str) -> type[nn.Module]:
        file = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(NET)
        net: type[nn.Module] = importlib.import_module(name).Net
        return net
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield load
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("norse", "in_torch"):
            del sys.modules[name]


def test_a_folder_with_a_frameworks_name_changes_nothing(
        net_of: Callable[[str], type[nn.Module]], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of("norse.torch_net")
    finding, = findings(net(), T, 3, C)
    assert (finding.code, str(finding.where)) == ("NC121", "norse/torch_net.py:12")
    (tmp_path / "torch").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "torch")
    monkeypatch.chdir(tmp_path / "torch")
    (tmp_path / "torch" / "in_torch.py").write_text(NET)
    finding, = findings(importlib.import_module("in_torch").Net(), T, 3, C)
    assert (finding.code, str(finding.where)) == ("NC121", "in_torch.py:12")


def test_installed_packages_are_known_by_where_they_lie(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "vendor"
    (target / "norse-1.1.0.dist-info").mkdir(parents=True)
    (target / "norse-1.1.0.dist-info" / "RECORD").write_text("norse/torch/lif.py,,\n")
    (tmp_path / "net.egg-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(target)
    others = [torch.__file__, neuron.__file__, importlib.__file__, neurocompile.__file__,
                 str(Path(neurocompile.__file__).resolve().parent.parent / "passes/legality/walk.py"),
                 str(tmp_path / "lib/site-packages/net.py"), "<string>",
                 str(target / "norse/torch/lif.py")]
    assert [file for file in others if is_user_code(file)] == []
    own = [str(tmp_path / "net.py"), str(tmp_path / "torch/net.py"), str(target / "net.py"),
           str(tmp_path / "norse/torch/lif.py"), __file__]
    assert [file for file in own if not is_user_code(file)] == []


def test_of_recursion_the_last_round_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                             ) -> None:
    monkeypatch.chdir(tmp_path)
    stack = "".join(f'  File "{tmp_path}/{name}.py", line {number}, in f\n'
                    for name, number in (("a", 1), ("b", 2), ("a", 1), ("b", 2), ("a", 1)))
    assert user_frames(stack) == (Call("b.py", 2), Call("a.py", 1))
