"""Pruning: the pruned network is the model whose tokens and ticks are cropped by hand."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from spikingjelly.activation_based import neuron
from torch import nn

from examples.zoo.stmixer import STMixer
from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.inputs import program_inputs
from neurocompile.backends.loihi.verify import verify
from neurocompile.builds import builder
from neurocompile.capture.torch_model import capture, reset
from neurocompile.diagnostics import UsageError
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Axis, Conv, Dense, Einsum, Part, Restriction
from neurocompile.nn import TokenMixer
from neurocompile.options import Options
from neurocompile.passes.lowering.lower import lower
from neurocompile.passes.pruning.calibrate import Selection, calibrate
from neurocompile.passes.pruning.drop import with_ticks
from neurocompile.passes.pruning.prune import Pruning, n_neurons, prune
from neurocompile.passes.pruning.token_axis import token_axes
from tests.capture import nets as capture_nets
from tests.loihi import compile_for_loihi, loihi_target
from tests.passes.lowering.test_lower import model_spikes
from tests.zoo.test_mixers import model_graph, small

LOIHI2 = loihi_target("loihi2")
TICKS, SAMPLES, TOKENS, WIDTH = 4, 20, 6, 8


class Events(nn.Module):
    """Token mixing of events [ticks, batch, tokens, channels] with linear layers as wide as those.

    The tokens end in their mean.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.lif1, self.lif2, self.lif3 = (
            neuron.LIFNode(tau=2.0, decay_input=False, step_mode="m") for _ in range(3))
        self.mix = nn.Parameter(torch.rand(TOKENS, TOKENS) - 0.25)
        self.head = nn.Linear(WIDTH, 3)
        self.token_numbers: slice | list[int] = slice(None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.lif1(2 * self.fc1(x)[:, :, self.token_numbers] + 0.25)
        y = self.lif2(torch.matmul(self.mix[self.token_numbers][:, self.token_numbers], x))
        y = self.lif3(self.fc2(y) + x)
        return self.head(y.mean(2)).mean(0)


@cache
def events() -> tuple[nn.Module, torch.Tensor, Graph]:
    """The model, inputs whose weak ticks have other strong tokens, and its graph."""
    torch.manual_seed(1)
    model = capture_nets.lively(Events())
    up, down = torch.linspace(0.6, 1.0, TOKENS), torch.linspace(1.0, 0.0, TOKENS)
    rate = torch.stack([0.6 * down, up, 0.6 * down, 0.9 * up])[:, None, :, None]
    x = (torch.rand(TICKS, SAMPLES, TOKENS, WIDTH) < rate).float()
    with torch.no_grad():
        head = model.head
        assert isinstance(head, nn.Linear)
        head.weight.mul_(4)
        head.bias.sub_((64 * model(x).mean(0)).round() / 64)  # all answers occur
    reset(model)
    return model, x, capture(model, x)


@cache
def events_network() -> Network:
    return lower(events()[2])[0]


def pruning(graph: Graph, data: dict[str, np.ndarray], tokens: float, steps: float) -> Pruning:
    return prune(lower(graph)[0], lambda numbers: lower(graph, tokens=numbers)[0], tokens, steps,
                 lambda network: synchronous.run(network, data).spikes)


def crop_by_hand(model: STMixer, selection: Selection) -> STMixer:
    """STMixer without the other tokens behind its stem, over fewer ticks."""
    if selection.tokens is not None:
        numbers = list(selection.tokens.numbers)
        model.stem.register_forward_hook(lambda module, inputs, output: output[..., numbers])
        for module in model.modules():
            if isinstance(module, TokenMixer):
                module.weight.data = module.weight.data[:, numbers][:, :, numbers]
    if selection.ticks is not None:
        model.T = len(selection.ticks.numbers)
    return model


def assert_is_the_model(network: Network, data: dict[str, np.ndarray], model: nn.Module,
                        x: torch.Tensor) -> None:
    """Every population fires, and spikes and outputs are the model's."""
    spikes = model_spikes(model, x)
    reset(model)
    with torch.no_grad():
        outputs = model(x).numpy()
    reset(model)
    result = synchronous.run(network, data)
    assert result.spikes.keys() == spikes.keys()
    for path, array in spikes.items():
        assert array.any(), path
        assert np.array_equal(array.reshape(result.spikes[path].shape), result.spikes[path]), path
    readout, = network.readouts
    assert np.abs(result.read(readout) - outputs).max() < 1e-4


@pytest.mark.parametrize(("factory", "tokens", "steps", "counts"), [
    pytest.param("small", 0.25, 0.0, (12, None), marks=pytest.mark.slow),
    pytest.param("small_t2", 0.5, 0.5, (8, 1), marks=pytest.mark.slow),
    ("small_t2", 0.0, 0.5, (None, 1)),
    ("small_t2", 0.25, 0.0, (12, None))])
def test_stmixer_is_the_model_cropped_by_hand(
        factory: str, tokens: float, steps: float, counts: tuple[int | None, int | None]) -> None:
    x, graph = small("stmixer", factory)[1], model_graph("stmixer", factory)
    outcome = pruning(graph, {"x": x.numpy()}, tokens, steps)
    selection = outcome.selection
    shares = (selection.tokens, selection.ticks)
    assert tuple(share and len(share.numbers) for share in shares) == counts
    torch.manual_seed(0)
    model, _ = small.__wrapped__("stmixer", factory)
    assert isinstance(model, STMixer)
    model = crop_by_hand(model, selection)
    assert_is_the_model(outcome.after, {"x": x.numpy()}, model, x)


def test_structure_stays() -> None:
    """Mixers and linear layers are smaller operators of their kind, the stem keeps its weights."""
    x, graph = small("stmixer", "small_t2")[1], model_graph("stmixer", "small_t2")
    outcome = pruning(graph, {"x": x.numpy()}, 0.25, 0.0)
    before = {p.name: p.operator for p in outcome.before.projections}
    after = {p.name: p.operator for p in outcome.after.projections}
    mixer = after["blocks.0.mixing.lif2 -> blocks.0.mixing.lif3"]
    assert isinstance(mixer, Einsum)
    assert mixer.weight.shape[-2:] == (12, 12)
    linear = after["blocks.0.mlp.lif1 -> blocks.0.mlp.lif2"]
    assert isinstance(linear, Conv)
    assert (linear.in_shape, linear.out_shape) == ((32, 1, 12), (64, 1, 12))
    name = "stem.lifs.3 -> blocks.1.mlp.lif1"
    stem = after[name]
    assert isinstance(stem, Part)
    assert isinstance(stem.inner, Restriction)
    assert stem.weights.shape == before[name].weights.shape
    sizes = {p.name: p.shape for p in outcome.after.populations}
    assert (sizes["stem.lifs.3"], sizes["blocks.1.mlp.lif2"]) == ((32, 8, 8), (64, 12))
    assert n_neurons(outcome.before) - n_neurons(outcome.after) == 4 * (8 * 32 + 2 * 64)
    assert {p.name for p in outcome.before.populations if p.size != math.prod(sizes[p.name])} == {
        n for n in sizes if "blocks" in n}


def test_strongest_tokens_and_ticks_of_events() -> None:
    """Selection are the largest sums over all samples; a user's data still has all ticks."""
    model, x, graph = events()
    data = {"x": x.transpose(0, 1).numpy()}
    outcome = pruning(graph, data, 0.34, 0.5)
    whole = synchronous.run(outcome.before, data).spikes["lif1"]
    by_tick = whole.sum(axis=(0, 2), dtype=int)
    assert outcome.selection.ticks.numbers == tuple(sorted(np.argsort(-by_tick)[:2])) == (1, 3)
    assert outcome.selection.ticks.siv == by_tick[[1, 3]].sum() / by_tick.sum()
    fewer_ticks = with_ticks(outcome.before, outcome.selection.ticks.numbers)
    rest = synchronous.run(fewer_ticks, data).spikes["lif1"]
    strongest, others = (tuple(sorted(np.argsort(-spikes.reshape(SAMPLES, -1, TOKENS, WIDTH).sum(
        axis=(0, 1, 3), dtype=int), kind="stable")[:4])) for spikes in (rest, whole))
    assert outcome.selection.tokens.numbers == strongest != others
    small_model = Events()
    small_model.load_state_dict(model.state_dict())
    small_model.token_numbers = list(outcome.selection.tokens.numbers)
    assert_is_the_model(outcome.after, data, small_model.eval(), x[[1, 3]])
    assert next(p for p in outcome.after.populations if p.name == "lif1").shape == (4, WIDTH)
    data_inputs = program_inputs(outcome.after, data, {})
    assert all(array.shape[:2] == (SAMPLES, 2) for array in data_inputs.values())
    noise = builder.first_inputs(outcome.after, None, 3)
    assert noise["x"].shape == (3, TICKS, TOKENS, WIDTH)


def test_channels_are_no_tokens() -> None:
    """Linear layers as wide as their input mix channels as mixers mix tokens."""
    axes = token_axes(events_network())
    assert set(axes.values()) == {Axis(1, TOKENS, WIDTH)}
    assert set(axes) == {"lif1", "lif2", "lif3"}


def refusal(do: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as error:
        do()
    finding, = error.value.diagnostics
    return f"{finding.code} {finding.message}"


def test_what_cannot_be_pruned_is_refused(nets: ModuleType) -> None:
    _, _, graph = events()
    assert "NC020" in refusal(lambda: compile_for_loihi(graph, LOIHI2, Options(prune_tokens=0.25)))
    assert "NC009" in refusal(lambda: Options(prune_tokens=1.0))
    assert "NC009" in refusal(lambda: Options(prune_steps=-0.5))
    network = events_network()
    readout, = network.readouts
    flat = Dense((TOKENS * WIDTH,), (3,), np.arange(3.0 * TOKENS * WIDTH).reshape(3, -1))
    message = refusal(lambda: token_axes(replace(network, readouts=(
        replace(readout, terms=(("lif3", flat),)),))))
    assert message.startswith("NC021")
    assert "differently" in message
    assert "no layer mixes" in refusal(lambda: token_axes(nets.mlp()))
    readings: list[tuple[Literal["each"] | int, str]] = [
        ("each", "every tick by itself"), (2, "tick 2")]
    for ticks, reads in readings:
        message = refusal(partial(
            with_ticks, replace(network, readouts=(replace(readout, ticks=ticks),)), (0, 1)))
        assert message.startswith("NC022")
        assert reads in message


def test_two_axes_of_tokens_are_refused(nets: ModuleType) -> None:
    """Two stages whose mixers have different axes that both end in a mean."""
    def mixer(n: int) -> Einsum:
        return Einsum((4, n), (4, n), (0, 1), (0, 2), (1, 2), (4, n, n), np.ones((n, n)))
    mean = Einsum((4, 6), (4,), (0, 1), (0,), (), (4, 6), np.ones(()))
    spread = Einsum((4,), (4, 3), (0,), (0, 1), (), (4, 3), np.ones(()))
    chain = nets.Builder(4, 6)
    for name, operator, shape in (
            ("a", mixer(6), (4, 6)), ("b", mixer(6), (4, 6)), ("c", mean, (4,)),
            ("d", spread, (4, 3)), ("e", mixer(3), (4, 3))):
        chain.add(name, operator, shape)
    assert "2 axes, of 6 and 3 numbers" in refusal(lambda: token_axes(chain.build()))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.floats(0, 1, exclude_max=True))
def test_a_share_is_dropped_in_order_and_never_all(values: list[int], share: float) -> None:
    network = with_events(len(values))
    spikes = {"a": np.array(values)[None, :, None]}
    ticks = calibrate(network, {}, 0.0, share, lambda _: spikes).ticks
    if not share:
        assert ticks is None
        return
    assert list(ticks.numbers) == sorted(set(ticks.numbers))
    rest = set(range(len(values))) - set(ticks.numbers)
    assert len(ticks.numbers) >= 1
    assert len(rest) <= share * len(values) + 1e-6
    assert len(rest) + 1 > share * len(values) - 1e-6 or len(ticks.numbers) == 1
    assert all(values[other] <= values[one] for other in rest for one in ticks.numbers)
    assert 0 <= ticks.siv <= 1


def with_events(n_ticks: int) -> Network:
    """One population behind an input with a time axis."""
    network = events_network()
    return replace(network, populations=(replace(network.populations[0], name="a"),),
                   projections=(), readouts=(), n_ticks=n_ticks)


def test_outputs_are_compared_with_the_whole_network_and_spikes_with_the_pruned() -> None:
    _, x, graph = events()
    data = {"x": x.transpose(0, 1).numpy()}
    compilation = compile_for_loihi(
        graph, LOIHI2, Options(prune_tokens=0.67, prune_steps=0.5), data)
    runs = [synchronous.run(network, data) for network in (
        events_network(), compilation.floating, compilation.network)]
    whole, floating, integer = (
        network.readouts[0].answers(run.read(network.readouts[0])) for network, run in zip(
            (events_network(), compilation.floating, compilation.network), runs, strict=True))
    same = int(np.sum(whole == integer))
    assert compilation.fidelity.same_argmax[compilation.network.readouts[0].name] == same
    assert same not in (0, int(np.sum(floating == integer)))
    assert {name: one.float_spikes for name, one in compilation.fidelity.populations.items()} == {
        name: int(spikes.sum()) for name, spikes in runs[1].spikes.items()}


@pytest.mark.slow
@pytest.mark.lava
def test_a_pruned_network_on_lava(tmp_path: Path) -> None:
    x, graph = small("stmixer", "small_t2")[1], model_graph("stmixer", "small_t2")
    inputs = {"x": x.numpy()}
    compilation = compile_for_loihi(graph, LOIHI2, Options(prune_tokens=0.25), inputs)
    network, schedule = compilation.network, compilation.schedule
    emit(network, schedule, LOIHI2, tmp_path)
    verification = verify(tmp_path, network, schedule, inputs, synchronous.run(network, inputs))
    assert verification.differences == 0, verification.diagnostics
    assert all(p.spikes > 0 for p in verification.populations)


@pytest.mark.lava
def test_pruned_events_on_lava(tmp_path: Path) -> None:
    _, x, graph = events()
    inputs = {"x": x.transpose(0, 1).numpy()}
    compilation = compile_for_loihi(
        graph, LOIHI2, Options(prune_tokens=0.34, prune_steps=0.5), inputs)
    network, schedule = compilation.network, compilation.schedule
    emit(network, schedule, LOIHI2, tmp_path)
    assert json.loads((tmp_path / "network.json").read_text())["inputs"][0]["ticks"] == [1, 3]
    verification = verify(tmp_path, network, schedule, inputs, synchronous.run(network, inputs))
    assert verification.differences == 0, verification.diagnostics
    assert all(p.spikes > 0 for p in verification.populations)
