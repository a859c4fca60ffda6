"""Hand-written neurons are recognized bit for bit, or refused at their line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from neurocompile.backends.synchronous import run
from neurocompile.capture.handwritten.recognize import recognize
from neurocompile.capture.replay import _NeuronRecorder
from neurocompile.capture.torch_model import TickLoop, _export, capture
from neurocompile.diagnostics import FindingsError, NeurocompileError, UsageError
from neurocompile.ir.graph import Graph, location
from neurocompile.ir.network import InputKind
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower
from neurocompile.semantics.reset import Reset
from tests.capture import hand_nets as h
from tests.capture import nets
from tests.capture import unusual_hand_nets as unusual

Factory = Callable[[], nn.Module]
LEGAL: dict[str, tuple[Factory, int | None]] = {  # name -> network, n_ticks
    "deep": (h.Deep, None),
    "steps": (h.Steps, None),
    "MS-ResNet": (lambda: h.TwoLayers(h.MemUpdate), None),
    "STMixer": (lambda: h.TwoLayers(lambda: h.LocalState(4), one_module=True), None),
    "STMixer, one tick": (lambda: h.TwoLayers(lambda: h.LocalState(1), True, 1), None),
    "soft reset": (lambda: h.TwoLayers(lambda: h.LocalState(4, soft=True), one_module=True), None),
    "CUBA": (lambda: h.TwoLayers(h.Cuba), None),
    "CUBA with a gain": (lambda: h.TwoLayers(lambda: h.Cuba(0.25, 0.5)), None),
    "hidden state": (lambda: h.Loop(h.HiddenState), None),
    "hidden state, two ticks": (lambda: h.Loop(h.HiddenState, 2), None),
    "reset to -0.25": (lambda: h.Loop(lambda: h.HiddenState(1.0, -0.25, -0.25)), None),
    "one tick a call": (lambda: h.OneTick(h.HiddenState), 5),
    "IF from 0.0": (lambda: h.Loop(h.Integrator), None),
    "IF, one tick a call": (lambda: h.OneTick(h.Integrator), 5),
    "explicit state": (lambda: h.Loop(h.ExplicitState, explicit=True), None),
    "buffer": (lambda: h.Loop(h.Buffer), None),
    "inline": (h.Inline, None),
    "inline, two ticks": (lambda: h.Inline(2), None),
    "inline layers": (h.InlineLayers, None),
    "recurrent": (h.Recurrent, None),
    "plain threshold": (unusual.Plain, None),
    "first tick apart": (lambda: h.TwoLayers(h.FirstTickApart), None),
}
QUICK = ("steps",)  # the others are slower, one by one
WITHOUT_CHIP: dict[str, Factory] = {  # recognized, but no neurons of a chip or no readout
    "integer spikes": lambda: h.TwoLayers(h.IntegerSpikes),
    "shared, reset to 0.25 from 0": unusual.Shared,
}


def lively(make: Factory) -> nn.Module:
    """Every layer fires; weights are multiples of 1/64."""
    torch.manual_seed(4)
    model = make()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.uniform_(parameter, -0.2, 0.5)
    return nets.lively(model)


def image() -> torch.Tensor:
    torch.manual_seed(4)
    return nets.image(3, 8) * 4


def spikes_of(model: nn.Module, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Spikes per recognized neuron, [samples, ticks, neurons]."""
    program = _export(model, (x,))
    assert recognize(program)
    recorder = _NeuronRecorder(program.module())
    with torch.no_grad():
        recorder.run(x)
    by_module: dict[str, list[torch.Tensor]] = {}
    for one in recorder.runs:
        by_module.setdefault(one.module, []).append(one.outputs.spikes)
    return {name: torch.cat(parts).transpose(0, 1).numpy() for name, parts in by_module.items()}


@lru_cache
def graph_of(name: str) -> Graph:
    """The graph of a legal network; the replay gate compared it bit for bit."""
    make, n_ticks = LEGAL[name]
    return capture(lively(make), image(), n_ticks)


def active(graph: Graph) -> dict[str, int]:
    spikes: dict[str, int] = graph.info["replay"]["spikes"]
    assert spikes
    assert all(spikes.values()), spikes
    return spikes


@pytest.mark.parametrize("name", [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in LEGAL])
def test_the_network_spikes_like_the_model(name: str) -> None:
    make, n_ticks = LEGAL[name]
    x = image()
    graph = graph_of(name)
    network, _ = lower(graph)
    model = lively(make) if n_ticks is None else TickLoop(lively(make), n_ticks).eval()
    expected = spikes_of(copy.deepcopy(model), x)
    assert active(graph).keys() == expected.keys()
    item = next(i for i in network.inputs if i.kind is not InputKind.ONE)
    result = run(network, {item.name: x.numpy()})
    assert result.spikes.keys() == expected.keys()
    for path, spikes in expected.items():
        assert np.array_equal(spikes.reshape(result.spikes[path].shape), result.spikes[path]), path
    with torch.no_grad():
        outputs = model(x).numpy()
    readout, = network.readouts
    assert np.abs(outputs).sum() > 0
    assert np.abs(readout.values(result.counts()) - outputs).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHOUT_CHIP)
def test_others_are_captured_bit_for_bit(name: str) -> None:
    graph = capture(lively(WITHOUT_CHIP[name]), image())
    active(graph)
    with pytest.raises(FindingsError):
        lower(graph)


@pytest.mark.slow
def test_a_membrane_beside_spikes_is_left_out() -> None:
    graph = capture(lively(unusual.Drifting), image())
    assert [d.code for d in check_graph(graph)] == ["NC146"]
    assert [output.number for output in lower(graph)[0].outputs] == [0]


def test_equations_and_normal_forms() -> None:
    graph = graph_of("deep")
    texts = {n.module: graph.profile(n).equations.text for n in graph.neurons()}
    assert texts["neurons.0"] == "r = v > v_th\nv = v * c1 * (1 - r) + x\ns = v > v_th"
    assert texts["neurons.4"] == (
        "r = v >= v_th\nu = u * c1 + x\nv = v * c2 + u * c3 - r\ns = v >= v_th")
    network, _ = lower(graph)
    assert {p.name: (p.neuron.model, p.neuron.reset, p.neuron.strict)
            for p in network.populations} == {
        "neurons.0": ("LIF", Reset.HARD, True), "neurons.1": ("CubaLIF", Reset.SOFT_DELAYED, False),
        "neurons.2": ("LIF", Reset.HARD, True), "neurons.3": ("LIF", Reset.SOFT, False),
        "neurons.4": ("CubaLIF", Reset.SOFT_DELAYED, False),
        "neurons.5": ("LIF", Reset.HARD, False)}
    for neuron in graph.neurons():
        assert (location(neuron.node).file or "").endswith("hand_nets.py")


def test_names_are_module_paths_and_lines() -> None:
    source = Path(h.__file__).read_text().splitlines()
    first, second = spikes_of(lively(lambda: h.Inline(2)), image())
    assert all("mem_update(self.fc" in source[int(n.removeprefix("@")) - 1]
               for n in (first, second))
    line, *layers = spikes_of(lively(lambda: h.InlineLayers(3)), image())
    assert "(mem > 0.5)" in source[int(line.removeprefix("@")) - 1]
    assert layers == [f"{line}:2", f"{line}:3"]
    assert [n.partition("@")[0] for n in spikes_of(lively(unusual.Shared), image())] == ["sn", "sn"]


FORMS: list[Callable[[torch.Tensor], torch.Tensor]] = [
    lambda v: (v > 0.5).float(), lambda v: v.ge(0.5).to(v.dtype), lambda v: (0.5 <= v) * 1.0,
    lambda v: (v < 0.5).float(), lambda v: torch.gt(torch.tensor(0.5), v).int().float(),
    lambda v: torch.heaviside(v - 0.5, torch.tensor(0.0)),
    lambda v: torch.heaviside(v - 0.5, torch.ones(5)),
    lambda v: torch.relu(torch.sign(v - 0.5)), lambda v: torch.sign(v - 0.5).clamp(min=0),
    lambda v: torch.where(v - 0.5 >= 0, 1.0, 0.0), lambda v: torch.where(v > 0.5, 0.0, 1.0),
    lambda v: h.Ones.apply(v - 0.5), lambda v: torch.round(torch.clamp(v, 0, 2)),
    lambda v: (~(v <= 0.5)).float(),
]


@pytest.mark.parametrize("number", range(len(FORMS)))
def test_every_form_of_a_threshold_is_exact_at_ties(number: int) -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return FORMS[number](x) * 2

    x = torch.tensor([[-1.0, 0.5, 1.0, 1.5, 2.5]])
    program = _export(Net(), (x,))
    assert recognize(program) == {""}
    assert "neurocompile" in str(program.graph)
    outputs = program.module()(x)
    assert torch.equal(outputs, Net()(x))
    assert outputs.any()


def test_thresholds_without_memory_are_ticks_or_no_neurons() -> None:
    """Two in the loop are neurons of four ticks; the one of the input stays what it is."""
    spikes = spikes_of(lively(unusual.Memoryless), image())
    assert [spikes.shape for spikes in spikes.values()] == [(3, 4, 12), (3, 4, 12), (3, 4, 6)]
    assert all(spikes.any() for spikes in spikes.values())


def test_a_flag_leaves_its_dead_branch_out() -> None:
    ann = h.TwoLayers(lambda: h.LocalState(4, use_ann=True), one_module=True)
    with pytest.raises(UsageError) as error:
        capture(ann, image())
    assert error.value.diagnostics[0].code == "NC130"


@pytest.mark.parametrize(("kind", "code", "reason"), [
    ("decay", "NC111", "not one number for all neurons"),
    ("adaptive", "NC111", "older than one tick"),
    ("noise", "NC111", "random numbers"),
    ("square", "NC111", "`pow` acts on its potential"),
    ("gated", "NC111", "multiplies its state by what changes"),
    ("sigmoid", "NC111", "its spike is a sigmoid"),
    ("straight-through", "NC111", "`sigmoid` acts on its potential"),
    ("sign", "NC111", "its spike is a sign"),
    ("steps", "NC112", "hand_nets.py"),
])
def test_what_is_nearly_a_neuron_is_refused_at_its_line(kind: str, code: str, reason: str) -> None:
    with pytest.raises(NeurocompileError) as error:
        capture(lively(lambda: unusual.Near(kind)), image())
    finding, = error.value.diagnostics
    assert finding.code == code
    assert reason in finding.message
    assert (finding.where.file or "").endswith("hand_nets.py")
    line = Path(unusual.__file__).read_text().splitlines()[(finding.where.line or 1) - 1]
    assert line.endswith(f"# {kind}")


def test_a_state_left_over_is_refused() -> None:
    model, x = lively(lambda: h.Loop(h.Integrator)), image()
    model(x)
    with pytest.raises(UsageError) as error:
        capture(model, x)
    assert error.value.diagnostics[0].code == "NC107"


@pytest.mark.slow
def test_capture_leaves_a_hidden_state_as_it_was() -> None:
    model = lively(lambda: h.Loop(h.HiddenState))
    capture(model, image())
    assert model.lif1.mem is None


@pytest.mark.slow
def test_hand_written_and_frameworks_neurons_together() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nets.LeakyLoop(4), nn.Linear(4, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            total, mem = torch.zeros(len(x), 6), torch.zeros(len(x), 6)
            leaky = self.first.lif1.reset_mem()
            for _ in range(4):
                s, leaky = self.first.lif1(self.first.fc1(x), leaky)
                mem = 0.5 * mem + self.second(self.first.fc2(s))
                spikes = (mem > 0.25).float()
                mem = mem - spikes * 0.25
                total = total + spikes
            return total

    torch.manual_seed(4)
    model = nets.lively(Both())
    graph = capture(model, nets.image(3, 10) * 4)
    assert {name.rstrip("0123456789") for name in active(graph)} == {"@", "first.lif"}
    assert len(lower(graph)[0].populations) == 2
