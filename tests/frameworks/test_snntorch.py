"""snnTorch 1.0.0, which the default environment has: every class beside its stand-in."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import pytest
import torch
from torch import nn

from neurocompile.capture.adapters import snntorch as adapter
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import FindingsError
from tests.frameworks.comparing import active, active_graph, pair, refusal, same, stimulus

snntorch = pytest.importorskip("snntorch")
CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "Leaky": ("Leaky", {"beta": 0.87, "threshold": 0.7}),
    "RLeaky, one to one": ("RLeaky", {"beta": 0.87, "V": 0.3, "all_to_all": False}),
    "RLeaky, linear": ("RLeaky", {"beta": 0.8, "linear_features": 8}),
    "Synaptic": ("Synaptic", {"alpha": 0.6, "beta": 0.8}),
    "RSynaptic, one to one": ("RSynaptic", {"alpha": 0.6, "beta": 0.7, "V": -0.4,
                                            "all_to_all": False}),
    "RSynaptic, linear": ("RSynaptic", {"alpha": 0.6, "beta": 0.7, "linear_features": 8}),
    "Lapicque": ("Lapicque", {"R": 2.0, "C": 1.0}),
    "Lapicque by beta": ("Lapicque", {"beta": 0.7, "R": 2, "time_step": 0.5}),
}
WITHOUT_DELAY = ("Leaky", "RLeaky", "Synaptic")
CASES = [(name, reset, delay, hidden, output)
         for name, (reset, hidden, output) in itertools.product(CELLS, (
             ("subtract", False, False), ("zero", True, True), ("none", True, False)))
         for delay in (True, False) if delay or CELLS[name][0] in WITHOUT_DELAY]


def make(name: str, reset: str = "subtract", delay: bool = True, **more: Any) -> Any:
    cls, options = CELLS[name]
    if cls in WITHOUT_DELAY:
        more["reset_delay"] = delay
    torch.manual_seed(0)
    return getattr(snntorch, cls)(reset_mechanism=reset, **options, **more)


@pytest.mark.parametrize(("name", "reset", "delay", "hidden", "output"), CASES)
def test_cell_equals_its_stand_in(name: str, reset: str, delay: bool, hidden: bool, output: bool
                                  ) -> None:
    one, other = pair(make(name, reset, delay, init_hidden=hidden, output=output))
    assert isinstance(other, adapter.SnnTorchStandIn)
    spikes = []
    for _ in range(2):  # the second reset_mem gives zeros of the state's shape
        starts = one.reset_mem(), other.reset_mem()
        assert same(*starts)
        states = [[s] if isinstance(s, torch.Tensor) else s for s in starts]
        for x in stimulus(150, 2, 8, scale=4.0 if "Lapicque" in name else 1.0):
            carry, carry2 = ([], []) if hidden else states
            out, out2 = one(x, *carry), other(x, *carry2)
            assert type(out) is type(out2)
            assert same(out, out2)
            assert torch.equal(one.mem, other.mem)
            if not hidden:
                states = [o if name.startswith("R") else o[1:] for o in (out, out2)]
            spikes.append(out if isinstance(out, torch.Tensor) else out[0])
    assert active(torch.stack(spikes))


def test_states_are_taken_by_name_and_refused_where_hidden() -> None:
    one, other = pair(make("Synaptic"))
    x, mem = stimulus(1, 2, 8)[0], torch.full((2, 8), 0.5)
    assert same(one(x, mem=mem), other(x, mem=mem))
    _, hidden = pair(make("Leaky", init_hidden=True))
    with pytest.raises(TypeError, match="mem"):
        hidden(x, mem)


def test_states_of_another_shape_start_at_zero() -> None:
    one, other = pair(make("Leaky", init_hidden=True, output=True))
    for batch in (2, 3, 3, 1):
        x = stimulus(1, batch, 8, scale=2.0)[0]
        assert same(one(x), other(x))


@pytest.mark.parametrize(("node", "message"), [
    (lambda: make("Leaky", inhibition=True), "inhibition"),
    (lambda: make("Leaky", state_quant=lambda v: v), "state_quant"),
    (lambda: snntorch.RSynaptic(0.5, 0.5, linear_features=8, reset_delay=False), "reset_delay"),
    (lambda: make("Leaky", spike_grad=lambda v: (v >= 0).float()), "spike_grad"),
    (lambda: make("Leaky", spike_grad=torch.sigmoid), "spike_grad"),
    (lambda: snntorch.Alpha(alpha=0.9, beta=0.8), "supported are"),
    (lambda: snntorch.Leaky(beta=torch.rand(8)), "beta"),
    (lambda: _with_change(make("Leaky")), "changed after"),
])
def test_what_is_not_read_exactly_is_refused(node: Any, message: str) -> None:
    with pytest.warns(match="Inhibition") if message == "inhibition" else contextlib.nullcontext():
        cell = node()
    code, reason = refusal(cell)
    assert code == ("NC203" if message == "beta" else "NC111")
    assert message in reason


def _with_change(node: Any) -> Any:
    node.reset_mechanism = "zero"
    return node


def test_code_that_computes_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever version it has: here its input is halved."""
    add = snntorch.Leaky._base_state_function
    monkeypatch.setattr(snntorch.Leaky, "_base_state_function", lambda self, x: add(self, x * 0.5))
    code, reason = refusal(make("Leaky"))
    assert code == "NC111"
    assert "the snntorch that is imported computes something else" in reason


class Net(nn.Module):
    """Recurrent cells of all kinds, state passed and hidden, one tick after the other."""

    def __init__(self, cell: Any, hidden: bool, image: bool = False) -> None:
        super().__init__()
        self.first: nn.Module = nn.Conv2d(1, 2, 3, padding=1) if image else nn.Linear(6, 8)
        self.cell, self.hidden, self.image = cell, hidden, image
        with torch.no_grad():
            for p in self.parameters():
                if p.ndim > 1:
                    p.copy_((p * 16).round() / 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = self.cell.reset_mem()
        total: list[torch.Tensor] = []
        for _ in range(4):
            if self.hidden:
                total.append(self.cell(self.first(x) * 2))
            else:
                state = self.cell(self.first(x) * 2, *state)
                total.append(state[0])
        return torch.stack(total).sum(0)


@pytest.mark.parametrize(("name", "hidden"), [
    ("RLeaky, linear", True), ("RSynaptic, linear", False), ("RLeaky, one to one", False)])
def test_recurrent_network_is_captured(name: str, hidden: bool) -> None:
    graph = active_graph(Net(make(name, init_hidden=hidden), hidden), stimulus(4, 6).abs())
    assert {neuron.second_current is None for neuron in graph.neurons()} == {False}


def test_recurrent_convolution_is_captured() -> None:
    cell = snntorch.RLeaky(beta=0.5, conv2d_channels=2, kernel_size=3, init_hidden=True)
    active_graph(Net(cell, True, True), stimulus(2, 1, 4, 4).abs() + 0.5)


class ResetsBetweenTicks(nn.Module):
    """`utils.reset` in the middle: only neurons that snnTorch made are reset."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(6, 8), snntorch.Leaky(beta=0.9, init_hidden=True)
        nn.init.constant_(self.fc.weight, 0.25)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        from snntorch import utils
        first = self.lif(self.fc(x))
        utils.reset(self)
        return first + self.lif(self.fc(x))


def test_a_reset_between_ticks_is_not_lost_in_silence() -> None:
    with pytest.raises(FindingsError) as error:
        capture(ResetsBetweenTicks(), torch.full((2, 6), 0.5))
    assert error.value.diagnostics[0].code == "NC105"
