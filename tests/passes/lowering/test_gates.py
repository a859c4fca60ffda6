"""Gates: OR and AND neurons compute a maximum or a product of spikes, in floats and integers."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.backends.synchronous import run
from neurocompile.capture.torch_model import capture, reset
from neurocompile.diagnostics import FindingsError, errors
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Conv
from neurocompile.options import Options
from neurocompile.passes.legality import check_graph
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.lowering.lower import lower
from tests.capture import nets
from tests.loihi import compile_for_loihi, loihi_target
from tests.passes.lowering.test_lower import model_spikes

ALLOW = ("or-pool", "coincidence-gates")
LOIHI2 = loihi_target("loihi2")


def cell(v_threshold: float = 0.5, step_mode: str = "m") -> nn.Module:
    return neuron.IFNode(v_threshold=v_threshold, step_mode=step_mode)


class Branches(nn.Module):
    """Two spike trains of [T, B, 4, 6]."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(6, 6), nn.Linear(6, 6)
        self.q_lif, self.k_lif = cell(0.3), cell(0.3)

    def spikes(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.unsqueeze(0).repeat(4, 1, 1, 1)
        return self.q_lif(self.q(x)), self.k_lif(self.k(x))


class And(Branches):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k = self.spikes(x)
        return (q * k).sum(0)


class Iand(Branches):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k = self.spikes(x)
        return (q * (1 - k)).sum(0)


class Any(Branches):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, _ = self.spikes(x)
        return q.amax(2).sum(0)


class Joins(Branches):
    """Every join of two spike trains; a neuron behind some, and the counts of all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.token_lif, self.channel_lif, self.lif = cell(2.0), cell(3.0), cell(0.25)
        self.proj = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        q, k = self.spikes(x)
        both = q * k
        joins = (
            both,
            q * (1 - k).transpose(2, 3).transpose(2, 3),
            (1 - q) * (1 - k),  # fires where neither does: a bias in every tick
            both * k.flip(-1),  # behind another gate, beside what waits for it
            self.token_lif(q.sum(3, keepdim=True)) * k,  # QKFormer
            self.channel_lif((q + k).sum(2, keepdim=True)) * q,  # SDT
            (q.bool() & ~k.bool()).float(),
            k.amax(2, keepdim=True),
            q[:, :, 1:3].amax(2),
        )
        y = self.lif(self.proj(torch.cat(joins[:2], 2)))
        return (y.sum(0), *(j.sum(0) for j in joins))


class Pools(nn.Module):
    """Overlapping and global max-pools; one of inverted spikes, one of a window of uneven border."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(8, 5, 3, padding=1)
        self.lif1, self.lif2, self.lif3 = cell(0.25), cell(0.3), cell(0.1)
        self.pool, self.fc = nn.MaxPool2d(3, 2, 1), nn.Linear(5, 8)
        self.uneven = nn.MaxPool2d(2, ceil_mode=True)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        s = self.lif1(self.conv1(x).repeat(3, 1, 1, 1, 1)).flatten(0, 1)
        maxima, quiet, uneven = self.pool(s), self.pool(1 - s), self.uneven(s)
        t = self.lif2(self.conv2(torch.cat([maxima, quiet], 1)).unflatten(0, (3, -1)))
        whole = nn.functional.adaptive_max_pool2d(t.flatten(0, 1), 1).flatten(1)
        y = self.lif3(self.fc(whole.unflatten(0, (3, -1))))
        return (y.sum(0), *(p.unflatten(0, (3, -1)).sum(0) for p in (maxima, quiet, uneven, whole)))


class Loop(nn.Module):
    """A loop over ticks with two gates of one module, and one of another."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.fc = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(4, 3)
        self.q_lif, self.k_lif = cell(0.3, "s"), cell(0.2, "s")
        self.lif, self.pool = cell(0.25, "s"), nn.MaxPool1d(2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        total, counts = torch.zeros(len(x), 3), torch.zeros(len(x), 4)
        for _ in range(4):
            q, k = self.q_lif(self.q(x)), self.k_lif(self.k(x))
            both, one = q * k, k * (1 - q)
            maxima = self.pool((both[:, 4:] * q[:, 3:7]).unsqueeze(1)).squeeze(1)
            maxima = torch.cat([maxima, self.pool(one[:, :4].unsqueeze(1)).squeeze(1)], 1)
            total, counts = total + self.lif(self.fc(maxima)), counts + maxima
        return total, counts


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], dict[str, float]]] = {
    # the gates' names, and their thresholds in units of one spike
    "joins": (Joins, (3, 4, 6), {
        "Mul.and": 1.5, "Mul.and2": 0.5, "Mul.and3": 1.5, "Mul.and4": 1.5, "Mul.and5": 1.5,
        "Mul.and6": 1.5, "And.and": 0.5, "ReduceMax.or": 0.5, "ReduceMax.or2": 0.5}),
    "pools": (Pools, (3, 2, 7, 7), {
        "pool.or": 0.5, "pool.or2": 0.5, "uneven.or": 0.5, "ReduceMax.or": 0.5}),
    "loop": (Loop, (8, 8), {"Mul.and": 1.5, "Mul.and2": 0.5, "Mul.and3": 1.5, "pool.or": 0.5,
                            "pool.or2": 0.5}),
}


@cache
def model_graph(make: Callable[[], nn.Module], shape: tuple[int, ...]
             ) -> tuple[nn.Module, torch.Tensor, Graph]:
    torch.manual_seed(3)
    model, x = nets.lively(make()), nets.image(*shape)
    return model, x, capture(model, x)


@pytest.mark.parametrize("name", CASES)
def test_gates_compute_what_the_model_does(name: str) -> None:
    make, shape, gates = CASES[name]
    model, x, graph = model_graph(make, shape)
    expected = model_spikes(model, x)
    assert all(0 < spikes.mean() < 1 for spikes in expected.values()), {
        path: spikes.mean() for path, spikes in expected.items()}
    reset(model)
    with torch.no_grad():
        outputs = [output.numpy() for output in model(x)]
    reset(model)
    assert not errors(check_graph(graph, allow=ALLOW))
    floating, _ = lower(graph, ALLOW)
    network, _ = LoihiQuantizer(8).run(floating, LOIHI2)
    assert {p.name: p.floating.v_th for p in floating.populations
            if p.name not in expected} == gates
    result = run(floating, {"x": x.numpy()})
    for path, spikes in expected.items():
        assert np.array_equal(spikes.reshape(result.spikes[path].shape), result.spikes[path]), path
    for gate in gates:
        assert 0 < result.spikes[gate].mean() < 1, gate
    for readout, output in zip(floating.readouts, outputs, strict=True):
        assert np.array_equal(result.read(readout), output)
    _assert_exact_in_integers(floating, network, {"x": x.numpy()}, set(gates))


def _assert_exact_in_integers(floating: Network, network: Network, inputs: dict[str, np.ndarray],
                              gates: set[str]) -> None:
    """On the integer network's own spikes every gate is what the float gate makes of them."""
    spikes = run(network, inputs).spikes
    for name in gates:
        gate = floating.population(name)
        count = np.zeros(spikes[name].shape)
        for projection in floating.into(name):
            count += spikes[projection.source] @ projection.operator.matrix().toarray().T
        count += 0 if gate.bias is None else gate.bias.mantissa
        assert spikes[name].any()
        assert np.array_equal(count > gate.floating.v_th, spikes[name]), name


def test_a_pool_keeps_its_structure_and_its_line() -> None:
    network, _ = lower(model_graph(Pools, (3, 2, 7, 7))[2], ALLOW)
    kinds = {p.name: type(p.operator) for p in network.projections if p.target == "pool.or"}
    assert kinds == {"lif1 -> pool.or": Conv}
    assert network.population("pool.or").shape == (4, 4, 4)
    assert Path(network.population("pool.or").where.file or "").name == Path(__file__).name


def test_without_the_option_they_are_the_hosts() -> None:
    for make, option in ((And, ALLOW[0]), (Any, ALLOW[1])):
        model, x, graph = model_graph(make, (3, 4, 6))
        network, _ = lower(graph, [option])
        assert {p.name for p in network.populations} == (
            {"q_lif"} if make is Any else {"q_lif", "k_lif"})
        (program,) = network.host_programs
        reset(model)
        with torch.no_grad():
            expected = model(x).numpy()
        assert expected.any()
        assert np.array_equal(run(network, {"x": x.numpy()}).read(program), expected)


class Behind(Branches, ABC):
    """A neuron behind a join of two spike trains."""

    def __init__(self) -> None:
        super().__init__()
        self.lif = cell(0.3)

    @abstractmethod
    def join(self, q: torch.Tensor, k: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """What the neuron gets."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif(self.join(*self.spikes(x), x)).sum(0)


class Sums(Behind):
    def join(self, q: torch.Tensor, k: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return (q + k) * k


class TimesInput(Behind):
    def join(self, q: torch.Tensor, k: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return q * x


class TicksApart(Behind):
    def join(self, q: torch.Tensor, k: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return q * k.sum(0, keepdim=True)


@pytest.mark.parametrize("make", [
    Sums, pytest.param(TimesInput, marks=pytest.mark.slow),
    pytest.param(TicksApart, marks=pytest.mark.slow)])
def test_what_is_no_spike_of_the_tick_is_refused(make: Callable[[], nn.Module]) -> None:
    _, _, graph = model_graph(make, (3, 4, 6))
    assert errors(check_graph(graph, allow=ALLOW))
    with pytest.raises(FindingsError) as error:
        lower(graph, ALLOW)
    assert error.value.diagnostics[0].code == "NC110"
    assert "operands" in error.value.diagnostics[0].message


class Sometimes(nn.Module):
    """A gate in all ticks but the first."""

    def __init__(self) -> None:
        super().__init__()
        self.q_lif, self.k_lif = cell(0.5, "s"), cell(0.4, "s")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = torch.zeros_like(x)
        for tick in range(3):
            q, k = self.q_lif(x), self.k_lif(x)
            total = total + (q * k if tick else q + k)
        return total


def test_a_gate_in_some_ticks_is_refused() -> None:
    with pytest.raises(FindingsError) as error:
        lower(model_graph(Sometimes, (3, 6))[2], ALLOW)
    assert error.value.diagnostics[0].code == "NC112"
    assert "2 of 3 ticks" in error.value.diagnostics[0].message


@pytest.mark.parametrize(("make", "fewest"), [(And, 3), (Iand, 3), (Any, 1)])
def test_a_scale_that_would_not_forget_is_not_taken(make: Callable[[], nn.Module],
                                                    fewest: int) -> None:
    floating, _ = lower(model_graph(make, (3, 4, 6))[2], ALLOW)
    gates = {p.name for p in floating.populations if p.floating.model in ("OR", "AND")}
    for bits in range(1, 9):
        if bits >= fewest:
            network, _ = LoihiQuantizer(weight_bits=bits).run(floating, LOIHI2)
            for name in gates:
                neuron = loihi_neuron(network.population(name))
                assert neuron.dv == (0 if make is Any else 4095)
                assert neuron.dv == 0 or neuron.vth << 6 < 4096
            continue
        with pytest.raises(FindingsError) as error:
            LoihiQuantizer(weight_bits=bits).run(floating, LOIHI2)
        finding, = error.value.diagnostics
        assert (finding.code, finding.values["module"], finding.values["limit"]) == (
            "NC208", "Mul.and", 4095)
        assert int(str(finding.values["needed"])) >= 4096


def test_neurons_without_memory_are_exact_where_they_forget() -> None:
    """Any population of decay 0: the gates', and binary layers with small whole weights."""
    floating, _ = lower(model_graph(And, (3, 4, 6))[2], ALLOW)
    gate = floating.population("Mul.and")
    assert gate.floating.decay == 0
    rng = np.random.default_rng(0)
    projections = [
        replace(p, operator=p.operator.with_weights(rng.integers(-7, 9, p.operator.weights.shape)))
        if p.target == gate.name else p for p in floating.projections]
    layer = replace(floating, projections=tuple(projections))
    network, warnings = LoihiQuantizer(8).run(layer, LOIHI2)
    assert not [d for d in warnings if d.where == gate.where]
    inputs = {"x": nets.image(50, 4, 6).numpy()}
    _assert_exact_in_integers(layer, network, inputs, {gate.name})


@pytest.mark.lava
@pytest.mark.parametrize("name", [
    "joins", *(pytest.param(name, marks=pytest.mark.slow) for name in ("pools", "loop"))])
def test_lava_runs_gates(name: str, tmp_path: Path) -> None:
    make, shape, gates = CASES[name]
    _, x, graph = model_graph(make, shape)
    compilation = compile_for_loihi(graph, LOIHI2, Options(allow=ALLOW))
    network, schedule, inputs = compilation.network, compilation.schedule, {"x": x.numpy()}
    emit(network, schedule, LOIHI2, tmp_path)
    verification = verify(tmp_path, network, schedule, inputs, run(network, inputs))
    assert (verification.differences, verification.diagnostics) == (0, ())
    assert {p.name for p in verification.populations if p.spikes} >= gates.keys()
