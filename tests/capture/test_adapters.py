"""A framework is an entry in ADAPTERS: capture calls its hooks and names none."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from neurocompile.capture import adapters, torch_model
from neurocompile.capture.adapters.base import Adapter, StandIn
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.semantics.profiles import PROFILES


class Stubborn(nn.Module):
    """An integrate-and-fire neuron that cannot be copied, keeps its state, and is not ready."""

    def __init__(self) -> None:
        super().__init__()
        self.v = torch.zeros(())
        self.ready = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Stubborn:
        raise TypeError("it cannot be copied")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spikes = []
        for current in x:
            self.v = self.v + current
            spikes.append((self.v >= 1.0).float() if self.ready else torch.zeros_like(current))
            self.v = self.v * (1 - spikes[-1])
        return torch.stack(spikes)


class OverTime(StandIn):
    """Its stand-in."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.ticks(x)


def adapt(module: nn.Module, path: str) -> nn.Module | None:
    if not isinstance(module, Stubborn):
        return None
    return OverTime(PROFILES["spikingjelly-if-hard"], {"v_th": 1.0, "v_reset": 0.0}, path)


def reset(module: nn.Module) -> None:
    if isinstance(module, Stubborn):
        module.v = torch.zeros(())


def copy_module(module: nn.Module, memo: dict[int, Any]) -> None:
    if isinstance(module, Stubborn):
        twin = memo[id(module)] = Stubborn.__new__(Stubborn)
        vars(twin).update(copy.deepcopy(vars(module), memo))


def prepare(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, Stubborn):
            module.ready = True


ALL = {"adapt": adapt, "reset": reset, "copy": copy_module, "prepare": prepare}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), Stubborn())


def toy(monkeypatch: pytest.MonkeyPatch, hooks: dict[str, Any]) -> None:
    monkeypatch.setattr(adapters, "ADAPTERS", (*adapters.ADAPTERS, Adapter(**hooks)))


X = torch.rand(6, 3, 4, generator=torch.Generator().manual_seed(0)) * 2


def test_a_toy_framework_is_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    toy(monkeypatch, ALL)
    neuron, = capture(network(), X).neurons()
    assert neuron.node.overload == "spikingjelly-if-hard"
    assert neuron.module == "1"


@pytest.mark.parametrize(("hook", "error"), [
    ("reset", FindingsError), ("copy", UsageError), ("prepare", FindingsError)])
def test_a_hook_that_is_left_out_does_nothing(hook: str, error: type[Exception],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it this framework cannot be captured: what each hook is there for."""
    toy(monkeypatch, {name: one for name, one in ALL.items() if name != hook})
    with pytest.raises(error):
        capture(network(), X)


def test_capture_names_no_framework() -> None:
    names = [path.stem for path in Path(str(adapters.__file__)).parent.glob("*.py")
             if path.stem not in ("__init__", "base")]
    assert "rockpool" in names
    text = Path(str(torch_model.__file__)).read_text().lower()
    assert [name for name in names if f"{name}." in text or f"import {name}" in text] == []
