"""Lowering: the float network computes the model's spikes, whatever the model's code looks like."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import snntorch
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.backends.synchronous import run
from neurocompile.capture.torch_model import capture, reset, swap
from neurocompile.diagnostics import FindingsError
from neurocompile.ir.graph import INFO
from neurocompile.ir.network import InputKind, Network
from neurocompile.ir.operators import Conv, Dense
from neurocompile.passes.lowering.lower import lower
from tests.capture import nets
from tests.passes.legality.conftest import parse


def float_network(model: nn.Module, x: torch.Tensor) -> Network:
    return lower(capture(model, x))[0]


def recorder(step: Callable[[torch.Tensor], torch.Tensor], spikes: list[torch.Tensor]
             ) -> Callable[[torch.Tensor], torch.Tensor]:
    """The step of a neuron module that notes its spikes as well."""
    def record(x_seq: torch.Tensor) -> torch.Tensor:
        spikes.append(step(x_seq))
        return spikes[-1]
    return record


def model_spikes(model: nn.Module, *inputs: torch.Tensor) -> dict[str, np.ndarray]:
    """Spikes per neuron module, [samples, ticks, neurons], recorded from the running model."""
    copy = swap(model)
    records: dict[str, list[torch.Tensor]] = {}
    for module in copy.modules():
        if hasattr(module, "ticks") and hasattr(module, "path"):
            neurons: Any = module
            neurons.ticks = recorder(neurons.ticks, records.setdefault(neurons.path, []))
    reset(copy)
    with torch.no_grad():
        copy(*inputs)
    return {path: torch.cat(parts).flatten(2).transpose(0, 1).numpy()
            for path, parts in records.items() if parts}  # else it is not used


class TokenMixer(nn.Module):
    """A membrane shortcut around a static mixing of tokens, time first, batch second."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, 4, 2, 2)
        self.lif1 = neuron.LIFNode(step_mode="m", v_threshold=0.25)
        self.mix = nn.Parameter(torch.rand(4, 9, 9) / 2)
        self.lif2 = neuron.IFNode(step_mode="m", v_threshold=0.5)
        self.bn = nn.BatchNorm1d(9)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x).flatten(2).unsqueeze(0).repeat(3, 1, 1, 1)  # T, B, C, N
        mixture = torch.matmul(self.lif1(x).unsqueeze(3), self.mix).squeeze(3)  # per channel
        y = x + mixture
        t, b, c, n = y.shape
        y = self.bn(y.permute(0, 1, 3, 2).reshape(t * b, n, c)).reshape(t, b, n, c)
        return self.head(self.lif2(y).mean(2)).mean(0)


class Wiring(nn.Module):
    """Slices, concatenation, padding and a split between neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.lif1 = neuron.IFNode(step_mode="m", v_threshold=0.5)
        self.fc = nn.Linear(10, 4)
        self.lif2 = neuron.IFNode(step_mode="m", v_threshold=0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = self.lif1(x)
        a, b = s[..., :3], s[..., 5:]
        c, d = torch.split(nn.functional.pad(a, (1, 2)), 3, dim=-1)
        return self.lif2(self.fc(torch.cat([b[..., :4], d, c], -1)) * 3 + 0.25).sum(0)


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "multi-step LIF": (nets.MultiStep, (2, 2, 8, 8)),
    "one sample": (nets.MultiStep, (1, 2, 8, 8)),
    "multi-step PLIF, reset to -0.5": (
        lambda: nets.MultiStep(
            neuron.ParametricLIFNode, v_reset=-0.5, v_threshold=0.25), (2, 2, 8, 8)),
    "decay_input=False": (lambda: nets.MultiStep(decay_input=False), (2, 2, 8, 8)),
    "soft IF": (lambda: nets.MultiStep(neuron.IFNode, v_reset=None), (2, 2, 8, 8)),
    "single-step loop": (nets.SingleStepLoop, (3, 10)),
    "Leaky loop": (nets.LeakyLoop, (3, 10)),
    "Leaky loop, one sample": (nets.LeakyLoop, (1, 10)),
    "Leaky zero": (lambda: nets.LeakyLoop(reset_mechanism="zero"), (3, 10)),
    "Synaptic": (nets.SynapticLoop, (3, 10)),
    "Synaptic zero": (lambda: nets.SynapticLoop(reset="zero"), (3, 10)),
    "hidden state": (nets.HiddenState, (3, 10)),
    "recurrent": (nets.Recurrent, (3, 10)),
    "token mixer": (TokenMixer, (2, 1, 6, 6)),
    "wired": (Wiring, (5, 2, 9)),
}


@pytest.mark.parametrize("name", CASES)
def test_float_network_spikes_like_the_model(name: str) -> None:
    make, shape = CASES[name]
    torch.manual_seed(2)
    model, x = nets.lively(make()), nets.image(*shape)
    expected = model_spikes(model, x)
    assert all(spikes.any() for spikes in expected.values())
    reset(model)
    with torch.no_grad():
        outputs = model(x).numpy()
    network = float_network(model, x)
    item = next(i for i in network.inputs if i.kind is not InputKind.ONE)
    timed = item.kind is not InputKind.STATIC
    result = run(network, {item.name: x.numpy().swapaxes(0, 1) if timed else x.numpy()})
    assert result.spikes.keys() == expected.keys()
    for path, spikes in expected.items():
        assert np.array_equal(spikes.reshape(result.spikes[path].shape), result.spikes[path]), path
    readout, = network.readouts
    assert np.abs(readout.values(result.counts()) - outputs).max() < 1e-5


def test_structure_is_kept() -> None:
    network = float_network(nets.lively(nets.MultiStep()), nets.image(2, 2, 8, 8))
    kinds = {p.name: type(p.operator) for p in network.projections}
    assert kinds == {"x -> lif1": Conv, "lif1 -> lif2": Dense}
    assert network.n_ticks == 4
    assert network.population("lif1").shape == (6, 8, 8)
    assert network.population("lif1").where.file is not None


def test_growth_of_a_composed_projection_is_noted() -> None:
    _, notes = lower(capture(nets.lively(nets.MultiStep()), nets.image(2, 2, 8, 8)))
    assert [(d.code, d.values["before"], d.values["after"]) for d in notes] == [
        ("NC131", 6 * 16 * 12, 6 * 64 * 12)]


class Shared(nn.Module):
    """One layer whose weights act in many places, or two layers."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(2, 2, 3, padding=1, bias=False,
                              padding_mode="circular" if kind == "padding" else "zeros")
        self.lif1, self.lif2 = neuron.LIFNode(step_mode="m"), neuron.LIFNode(step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = self.lif1(x.unsqueeze(0).repeat(2, 1, 1, 1, 1)).flatten(0, 1)
        if self.kind == "upsampling":
            s = nn.functional.interpolate(s, scale_factor=2.0)
        y = self.conv(self.conv(s)) if self.kind == "two layers" else self.conv(s)
        return self.lif2(y.unflatten(0, (2, -1))).flatten(2).mean(0)


@pytest.mark.parametrize("kind", ["padding", "upsampling", "two layers", "one layer"])
def test_the_help_of_growth_belongs_to_its_cause(kind: str) -> None:
    _, notes = lower(capture(Shared(kind).eval(), torch.rand(2, 2, 6, 6), prove=False))
    if kind == "one layer":
        assert notes == []
        return
    note, = notes
    shared = kind in ("padding", "upsampling")
    assert ("stores each shared weight once for every place" in note.help) == shared
    assert ("put a neuron between them" in note.help) == (not shared)


def test_feedback_is_a_projection_of_delay_one() -> None:
    network = float_network(nets.lively(nets.Recurrent()), nets.image(2, 10))
    assert {(p.source, p.delay) for p in network.into("lif")} == {("x", 0), ("lif", 1)}


def test_bias_of_a_synaptic_current_goes_through_a_synapse() -> None:
    network = float_network(nets.lively(nets.SynapticLoop()), nets.image(2, 10))
    assert {i.kind for i in network.inputs} == {InputKind.STATIC, InputKind.ONE}
    assert network.population("lif").bias is None


class Changing(nn.Module):
    """A loop whose rounds differ."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(10, 5), snntorch.Leaky(beta=0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mem, total = self.lif.reset_mem(), torch.zeros(())
        for t in range(3):
            s, mem = self.lif(self.fc(x) * (t + 1), mem)
            total = total + s
        return total


class Twice(nn.Module):
    """One neuron module used at two places of a tick."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(10, 10), neuron.IFNode(step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif(self.fc(self.lif(x))).sum(0)


class Warm(nn.Module):
    """Starts from a membrane potential of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(10, 5), snntorch.Leaky(beta=0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mem, total = torch.full((len(x), 5), 0.5), torch.zeros(())
        for _ in range(3):
            s, mem = self.lif(self.fc(x), mem)
            total = total + s
        return total


@pytest.mark.parametrize(("make", "shape", "code"), [
    (Changing, (2, 10), "NC112"), (Warm, (2, 10), "NC107"), (Twice, (4, 2, 10), "NC112"),
])
def test_what_is_no_network_is_refused(make: Callable[[], nn.Module], shape: tuple[int, ...],
                                       code: str) -> None:
    with pytest.raises(FindingsError) as error:
        float_network(nets.lively(make()), nets.image(*shape) * 2)
    assert error.value.diagnostics[0].code == code
    assert error.value.diagnostics[0].where.module


def test_joins_that_begin_alike() -> None:
    graph = parse("""(float[3,2,4,6] x) => (float[3,2,4,12] y, float[3,2,4,9] q)
        <int64[1] b={0}, int64[1] e={3}, int64[1] ax={3}> {
        s, u, v = lif(x)  t, u1, v1 = lif(s)  p = Slice(t, b, e, ax)  c = Concat<axis=3>(s, t)
        d = Concat<axis=3>(s, p)  y, u2, v2 = lif(c)  q, u3, v3 = lif(d) }""")
    graph.model.metadata_props[INFO] = json.dumps(
        {"inputs": [{"low": 0.0, "high": 1.0, "integers": False}]})
    network, _ = lower(graph)
    assert {p.name: p.operator.n_synapses for p in network.projections if p.target in "yq"} == {
        "s -> y": 24, "t -> y": 24, "s -> q": 24, "t -> q": 12}
