"""What modules hold when they are captured: state of earlier calls, and what cannot be copied."""

from __future__ import annotations

import threading
from collections import deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.capture.copies import copy_model, copy_state, is_state, tensors_in
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import NeurocompileError, UsageError

Pair = namedtuple("Pair", "v s")


@dataclass
class Record:
    v: torch.Tensor
    s: torch.Tensor


class Slots:
    __slots__ = ("s", "v")

    def __init__(self, v: torch.Tensor, s: torch.Tensor) -> None:
        self.v, self.s = v, s


class Holder(nn.Module):
    def __init__(self, v: torch.Tensor, s: torch.Tensor) -> None:
        super().__init__()
        self.states = {"v": [v], "s": (s,)}


HOLDERS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "namedtuple": (Pair, lambda pair: pair),
    "tuple": (lambda v, s: (v, s), lambda pair: pair),
    "dict": (lambda v, s: {"v": v, "s": s}, lambda pair: pair.values()),
    "deque": (lambda v, s: deque([v, s], maxlen=2), lambda pair: pair),
    "dataclass": (Record, lambda pair: (pair.v, pair.s)),
    "slots": (Slots, lambda pair: (pair.v, pair.s)),
    "module": (Holder, lambda pair: (*pair.states["v"], *pair.states["s"])),
}


class Lif(nn.Module):
    """A LIF of one tick a call; both of its states in one object."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.hold, self.read = HOLDERS[kind]
        self.fc = nn.Linear(5, 5)
        nn.init.uniform_(self.fc.weight, 0.0, 0.8)
        self.state: Any = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.state is None:
            self.state = self.hold(torch.zeros(len(x), 5), torch.zeros(len(x), 5))
        v, s = self.read(self.state)
        v = 0.9 * v * (1 - s) + self.fc(x)
        s = (v > 0.5).float()
        self.state = self.hold(v, s)
        return s


class Net(nn.Module):
    """Such neurons, one after the other; `again`: it starts each call from rest."""

    def __init__(self, *kinds: str, again: bool = True) -> None:
        super().__init__()
        self.layers, self.again = nn.ModuleList(map(Lif, kinds)), again

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        layers: list[Any] = list(self.layers)
        if self.again:
            for layer in layers:
                layer.state = None
        ticks = []
        for tick in x.unbind(1):
            for layer in layers:
                tick = layer(tick)
            ticks.append(tick)
        return torch.stack(ticks).mean(0)


def network(*kinds: str, again: bool = True) -> Net:
    torch.manual_seed(0)
    return Net(*kinds, again=again).eval()


X = torch.rand(2, 2, 5, generator=torch.Generator().manual_seed(0))


def test_state_of_an_earlier_call_is_no_obstacle() -> None:
    """Whatever holds it, and still in the graph of that call's gradients."""
    model = network(*HOLDERS)
    model(X)
    states = [layer.state for layer in model.layers]
    graph = capture(model, X)
    assert len(graph.info["replay"]["spikes"]) == len(HOLDERS)
    assert all(layer.state is state for layer, state in zip(model.layers, states, strict=True))


@pytest.mark.parametrize("kind", ["deque", "module"])
def test_state_is_rewound_between_calls(kind: str) -> None:
    """A network that never starts again by itself."""
    graph = capture(network(kind, again=False), X)
    assert all(graph.info["replay"]["spikes"].values())


def test_state_that_is_never_cleared_is_a_finding() -> None:
    model = network("namedtuple", again=False)
    model(X)
    with pytest.raises(NeurocompileError) as error:
        capture(model, X)
    assert error.value.exit_code < 3


class Lock(nn.Module):
    """Holds what cannot be copied, and switches to training without a word back."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net("tuple")
        self.lock, self.names, self.rows = threading.Lock(), threading, (n for n in range(3))
        self.random, self.states = torch.Generator(), {"lock": threading.Lock(), "all": [self.net]}

    def train(self, mode: bool = True) -> Any:
        super().train(mode)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with self.lock:
            return self.net(x)


def test_what_cannot_be_copied_is_shared() -> None:
    model = Lock()
    twin = copy_model(model)
    assert isinstance(twin, Lock)
    assert twin.lock is model.lock
    assert twin.net.layers[0].fc.weight is not model.net.layers[0].fc.weight
    assert all(capture(model, X).info["replay"]["spikes"].values())


def test_a_copy_that_its_own_code_refuses_is_a_finding() -> None:
    class Single(nn.Linear):
        def __deepcopy__(self, memo: dict[int, Any]) -> None:
            raise RuntimeError("there is one of me")

    with pytest.raises(UsageError) as error:
        capture(nn.Sequential(Single(5, 5)), X)
    finding, = error.value.diagnostics
    assert (finding.code, finding.where.file) == ("NC103", "tests/capture/test_copies.py")


def test_a_copy_of_state_hangs_in_no_graph() -> None:
    v = torch.ones(2, requires_grad=True) * 2
    state: dict[str, Any] = {"a": [v, Record(v, torch.zeros(1))], "b": (v, 1, None, "x")}
    twin = copy_state(state)
    leaves = list(tensors_in(twin))
    assert len(leaves) == 2  # v is one object, in the copy too
    assert not any(one.requires_grad for one in leaves)
    assert twin["a"][0] is twin["b"][0]
    v.data.zero_()
    assert twin["a"][0].tolist() == [2.0, 2.0]


@pytest.mark.parametrize(("value", "expected"), [
    (None, True), (1.5, True), ([torch.zeros(1)], True), (Record(torch.zeros(1), torch.ones(1)), True),
    (nn.Linear(1, 1), False), ({"f": torch.relu}, False), (threading.Lock(), False),
    (threading, False), (int, False)])
def test_state_is_tensors_and_numbers(value: Any, expected: bool) -> None:
    assert is_state(value) is expected


class Global(nn.Module):
    """Its state is in its class."""

    v: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if Global.v is None:
            Global.v = torch.zeros_like(x)
        Global.v = 0.5 * Global.v + x
        return (Global.v > 1).float()


class Half(Lif):
    """Computes in bfloat16."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(x)


class Double(nn.Module):
    """A framework's neuron with an input in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.lif = neuron.IFNode(step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif(x.double().unsqueeze(0).repeat(2, 1, 1)).mean(0)


def on_meta() -> nn.Module:
    with torch.device("meta"):
        return network("tuple")


@pytest.mark.parametrize(("make", "code", "words"), [
    (on_meta, "NC103", "`layers.0.fc.weight` holds no numbers"),
    (lambda: nn.Sequential(nn.LazyLinear(5)), "NC103", "`0.weight` holds no numbers"),
    (lambda: nn.Module.__new__(nn.Module), "NC103", "has no attribute '_parameters'"),
    (Global, "NC103", "it keeps state outside of its modules"),
    (lambda: Half("tuple"), "NC102", "it computes in torch.bfloat16"),
    (lambda: Double(), "NC111", "its input is torch.float64"),
])
def test_what_cannot_be_read_is_one_finding(make: Callable[[], nn.Module], code: str, words: str
                                            ) -> None:
    with pytest.raises(UsageError) as error:
        capture(make(), X[:, 0])
    finding, = error.value.diagnostics
    assert finding.code == code
    assert words in finding.message
