"""Neurons that are declared: proved by the gate, and refused where the declaration is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neurocompile
from neurocompile.capture.adapters.declared import adapt
from neurocompile.capture.declaration import ATTRIBUTE, Declaration
from neurocompile.capture.torch_model import capture
from neurocompile.config import load_config
from neurocompile.diagnostics import FindingsError, NeurocompileError, UsageError
from neurocompile.passes.lowering.lower import lower
from tests.capture import hand_nets as h
from tests.capture import nets

LIF = "h = decay * v + x\ns = h >= v_th\nv = h * (1 - s)"


@neurocompile.neuron(LIF, decay="tau", v_th="v_th")
class Ticks(nn.Module):
    """All ticks at once; `tanh(0)` keeps it from being recognized."""

    def __init__(self) -> None:
        super().__init__()
        self.tau, self.v_th = nn.Parameter(torch.tensor([0.5])), 0.75

    def forward(self, x: Tensor) -> Tensor:
        mem = torch.zeros_like(x[0])
        out = []
        for current in x:
            mem = self.tau * mem + current + torch.tanh(mem).clamp(0, 0)
            spike = (mem >= self.v_th).float()
            mem = mem * (1 - spike)
            out.append(spike)
        return torch.stack(out)


@neurocompile.neuron("u = 0.5 * u + x\nv = v + u\ns = v >= v_th\nv = v - s * v_th", layout="tick",
                     reset="clear", v_th=1.5)
class Tick(nn.Module):
    """One tick a call; `clear` starts again."""

    syn: Any
    mem: Any

    def __init__(self) -> None:
        super().__init__()
        self.clear()

    def clear(self) -> None:
        self.syn = self.mem = None

    def forward(self, x: Tensor) -> Tensor:
        self.syn = x + (0 if self.syn is None else self.syn * 0.5) + torch.tanh(x).clamp(0, 0)
        self.mem = self.syn if self.mem is None else self.mem + self.syn
        spike = (self.mem >= 1.5).float()
        self.mem = self.mem - spike * 1.5
        return spike


@neurocompile.neuron(LIF, layout="state", start="rest", decay=0.5, v_th=1)
class State(nn.Module):
    """State in and out."""

    rest = 0.0

    def forward(self, x: Tensor, mem: Any = None) -> tuple[Tensor, Tensor]:
        mem = x + torch.tanh(x).clamp(0, 0) if mem is None else 0.5 * mem + x
        spike = (mem >= 1).float()
        return spike, mem * (1 - spike)


GOOD = {"decay": 0.5, "v_th": 0.75}


class All(nn.Module):
    """The three layouts in one network."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.ticks, self.fc2, self.tick = nn.Linear(8, 12), Ticks(), nn.Linear(12, 12), Tick()
        self.fc3, self.state = nn.Linear(12, 12), State()

    def forward(self, x: Tensor) -> Tensor:
        x = self.ticks(self.fc1(h.over_ticks(x, 4)))
        total: Any = 0
        mem = None
        for t in range(4):
            s, mem = self.state(self.fc3(self.tick(self.fc2(x[t]))), mem)
            total = total + s
        return total / 4


def lively(model: nn.Module) -> nn.Module:
    torch.manual_seed(4)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.uniform_(parameter, -0.1, 0.5)
    return nets.lively(model)


def test_every_layout_is_proved() -> None:
    model, x = lively(All()), nets.image(3, 8) * 4
    model(x)  # leaves a state that the declared reset clears
    graph = capture(model, x)
    spikes = graph.info["replay"]["spikes"]
    assert spikes.keys() == {"ticks", "tick", "state"}
    assert all(spikes.values())
    assert {n.module: (graph.profile(n).model, graph.profile(n).equations.text.splitlines()[0])
            for n in graph.neurons()} == {
        "ticks": ("LIF", "h = decay * v + x"), "tick": ("CubaLIF", "u = 0.5 * u + x"),
        "state": ("LIF", "h = decay * v + x")}
    assert {p.name for p in lower(graph)[0].populations} == spikes.keys()


@pytest.mark.parametrize("reset", ["", "mem"])
def test_a_state_is_kept_between_calls_where_a_reset_is_named(reset: str) -> None:
    neuron: Any = Ticks()
    setattr(neuron, ATTRIBUTE, Declaration(LIF, reset=(reset,) * bool(reset), constants=GOOD))
    neuron.mem = None
    stand_in = adapt(neuron, "lif")
    x = torch.full((1, 3), 0.5)
    twice = [stand_in(x), stand_in(x)] if stand_in is not None else []
    assert [s.any().item() for s in twice] == [False, bool(reset)]


class Mlp(nn.Module):
    """Linear, then a neuron over all ticks."""

    def __init__(self, neuron: nn.Module) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(8, 12), neuron

    def forward(self, x: Tensor) -> Tensor:
        return self.lif(self.fc(h.over_ticks(x, 4))).mean(0)


def refusal(declaration: Declaration) -> tuple[str, str]:
    neuron: Any = Ticks()
    setattr(neuron, ATTRIBUTE, declaration)
    with pytest.raises(NeurocompileError) as error:
        capture(lively(Mlp(neuron)), nets.image(3, 8))
    finding, = error.value.diagnostics
    assert isinstance(error.value, FindingsError if finding.code == "NC105" else UsageError)
    return finding.code, finding.message


def test_wrong_equations_differ_in_the_replay() -> None:
    wrong = LIF.replace("h * (1 - s)", "h - s * v_th")
    code, message = refusal(Declaration(wrong, constants={"decay": "tau", "v_th": "v_th"}))
    assert code == "NC105"
    assert "model with stand-in neurons" in message


@pytest.mark.parametrize(("declaration", "words"), [
    (Declaration("v = v +", constants={}), "not equations"),
    (Declaration("v = v + x", constants={}), "no equation for `s`"),
    (Declaration(LIF, "all", constants=GOOD), "`all` is none of ticks, tick, state"),
    (Declaration(LIF, constants={"decay": 0.5}), "`v_th`: no value is given"),
    (Declaration(LIF, constants={**GOOD, "tau": 2.0}), "`tau`: the equations do not use it"),
    (Declaration(LIF, constants={**GOOD, "decay": "beta"}), "the module has no attribute `beta`"),
    (Declaration(LIF, constants={**GOOD, "decay": "forward"}), "is no number"),
    (Declaration(LIF, reset="clear", constants=GOOD), "the class has no `clear`"),
    (Declaration(LIF, reset=(3,), constants=GOOD), "expected names"),  # type: ignore[arg-type]
    (Declaration(f"{LIF}\nw = y + v", constants=GOOD), "`y` has no place"),
])
def test_a_malformed_declaration_is_refused(declaration: Declaration, words: str) -> None:
    code, message = refusal(declaration)
    assert code == "NC119"
    assert words in message


CONFIG = """
[[neurons]]
class = "{name}"
equations = '''
{lif}
'''
constants = {{ decay = 0.5, v_th = "v_th" }}
"""


class WithoutDeclaration(Ticks):
    """Declared in the configuration alone."""


setattr(WithoutDeclaration, ATTRIBUTE, None)


def test_a_declaration_in_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "neurocompile.toml"
    path.write_text(CONFIG.format(name=f"{__name__}:WithoutDeclaration", lif=LIF))
    neurons = load_config(path).neurons
    assert neurons == {f"{__name__}.WithoutDeclaration": Declaration(
        f"{LIF}\n", constants={"decay": 0.5, "v_th": "v_th"})}
    model, x = lively(Mlp(WithoutDeclaration())), nets.image(3, 8) * 4
    with pytest.raises(UsageError, match=r"NC111.*`tanh`"):
        capture(model, x)
    assert capture(model, x, neurons=neurons).info["replay"]["spikes"]["lif"] > 0


@pytest.mark.parametrize(("line", "message"), [
    ("clas = 'a:B'", "did you mean `class`?"), ("class = 'a:B'", "neurons[0].equations"),
    ("equations = 's = x > 0'", "neurons[0].class"),
    ("class = 'a.B'\nequations = 's = x > 0'", "expected `pkg.mod:Class`"),
    ("class = 'a:B'\nequations = 's = x > 0'\nreset = 3", "expected a string or a list"),
])
def test_a_malformed_entry_names_its_key(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "neurocompile.toml"
    path.write_text(f"[[neurons]]\n{line}\n")
    with pytest.raises(UsageError, match="NC002") as error:
        load_config(path)
    assert message in str(error.value)
