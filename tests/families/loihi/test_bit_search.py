"""Bits of the weights into single populations: as told, and the fewest that keep spikes and answers."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from neurocompile.backends.synchronous import Run
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import UsageError
from neurocompile.families.compilation import Lowering
from neurocompile.families.loihi import LOIHI
from neurocompile.families.loihi.bit_search import Search, check_bits
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.loihi.storage import storage
from neurocompile.families.pipeline import compile_graph, inputs_from
from neurocompile.families.resources import resources
from neurocompile.families.targets import load_target
from neurocompile.families.truenorth import TRUENORTH
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Adder
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.passes.lowering.lower import lower
from neurocompile.passes.quantization.observations import Observations
from tests.families.loihi import quantized_models as models
from tests.loihi import loihi_target

LOIHI2 = loihi_target("loihi2")


@lru_cache
def graph_and_sample() -> tuple[Graph, dict[str, Array]]:
    """40 inputs, 30 neurons, 10 neurons, over 8 ticks."""
    torch.manual_seed(0)
    frames = models.frames(8, 40, 0.4, 48)
    first, second = nn.Linear(40, 30), nn.Linear(30, 10)
    model = nn.Sequential(first, models.if_node(), second, models.if_node())
    with torch.no_grad():
        first.weight.mul_(3)
        second.weight.mul_(4)
    graph = capture(Answers(model).eval(), (frames[:, :4],))
    network, _ = lower(graph)
    return graph, inputs_from(network, [frames.transpose(0, 1).numpy()])


class Answers(nn.Module):
    """Counts of spikes."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).mean(0)


def compilation(with_sample: bool = True, rounding: dict[str, Array] | None = None,
                **options: Any) -> LoihiCompilation:
    graph, sample = graph_and_sample()
    result = compile_graph(graph, LOIHI2, Options(max_loss=100.0, **options),
                           sample if with_sample else None, rounding=rounding)
    assert isinstance(result, LoihiCompilation)
    return result


def bits(result: LoihiCompilation) -> list[int]:
    return [p.weight_bits for p in result.network.projections]


def names() -> list[str]:
    return [p.name for p in compilation().network.populations]


@pytest.mark.parametrize("with_sample", [False, True])
def test_exceptions_are_the_projections_and_what_memory_counts(with_sample: bool) -> None:
    first, second = names()
    coarse, two_bits = (compilation(with_sample, weight_bits=text) for text in (4, f"4,{second}=8"))
    assert (bits(coarse), bits(two_bits)) == ([4, 4], [4, 8])
    assert all(np.all(p.operator.weights % (2 if p.weight_bits == 8 else 32) == 0)
               for p in two_bits.network.projections)
    assert np.any(two_bits.network.projections[1].operator.weights % 32)
    assert storage(two_bits).bits == {first: 4, second: 8}
    memory = [sum(core.synapse_memory for core in one.usage.cores) for one in (coarse, two_bits)]
    assert memory[1] > memory[0]


def test_two_synapses_for_each_weight_of_a_population() -> None:
    """Half as many spikes are lost, and cores and reports count all synapses."""
    _, second = names()
    eight, pair = compilation(), compilation(weight_bits=f"{second}=16")
    assert bits(pair) == [8, 8, 8]
    assert storage(pair).bits[second] == 16
    assert eight.fidelity is not None
    assert pair.fidelity is not None
    assert (pair.fidelity.populations[second].local
            < eight.fidelity.populations[second].local / 2)
    (_, a), (_, b) = ((one.usage.populations[0], one.usage.populations[1]) for one in (eight, pair))
    assert (b.synapses, b.total.synapse_memory, b.total.input_axons) == (
        2 * a.synapses, 2 * a.total.synapse_memory, 2 * a.total.input_axons)
    documents = resources(pair, LOIHI.demand(pair), {})
    assert 8 < {p.name: p.weight_bits or 0 for p in documents.populations}[second] <= 16
    again = compilation(False, dict(pair.rounding), weight_bits=f"{second}=16")
    for one, other in zip(again.network.projections, pair.network.projections, strict=True):
        assert np.array_equal(one.operator.weights, other.operator.weights)


def test_a_search_takes_all_bits_that_answers_do_not_need() -> None:
    choice = compilation(weight_bits="search", search_loss=100.0)
    assert set(bits(choice)) == {2}
    assert "2.00 bits on average" in next(s.result for s in choice.stages if s.name == "bits")


def test_a_search_keeps_the_answers_and_needs_no_sample_again() -> None:
    choice = compilation(weight_bits="search", search_loss=0.0)
    assert choice.fidelity is not None
    assert set(choice.fidelity.same_argmax.values()) == {48}
    assert 2 < max(bits(choice)) <= 8
    again = compilation(False, dict(choice.rounding), weight_bits="search")
    assert bits(again) == bits(choice)
    for one, other in zip(again.network.projections, choice.network.projections, strict=True):
        assert np.array_equal(one.operator.weights, other.operator.weights)


def test_a_search_keeps_every_populations_spikes() -> None:
    graph, sample = graph_and_sample()
    result = compile_graph(graph, LOIHI2, Options(
        weight_bits="search", search_loss=100.0, max_loss=5.0), sample)
    assert result.fidelity is not None
    losses = [1 - one.local_agreement for one in result.fidelity.populations.values()]
    assert max(losses) <= 0.05
    assert isinstance(result, LoihiCompilation)
    assert 2 < sum(bits(result)) / 2 < 8


def test_labels_count_where_there_are_some() -> None:
    """Every label is wrong: no bits make that worse."""
    graph, sample = graph_and_sample()
    options = Options(weight_bits="search", search_loss=0.0, max_loss=100.0)
    result = compile_graph(graph, LOIHI2, options, sample, labels=np.full(48, 99))
    assert isinstance(result, LoihiCompilation)
    assert set(bits(result)) == {2}


def test_the_path_saves_where_it_costs_least(monkeypatch: pytest.MonkeyPatch) -> None:
    result = compilation()
    first, second = names()
    errors = {8: {first: 0.0, second: 0.0}, 4: {first: 0.1, second: 0.001},
              2: {first: 0.9}}
    search = Search(result.floating, LOIHI2, result.options, {}, None, Run({}), Observations({}, {}))
    monkeypatch.setattr(Search, "_errors", lambda self, bits: errors.get(bits))
    assert list(search.path()) == [
        {first: 8, second: 8}, {first: 8, second: 4}, {first: 4, second: 4}, {first: 2, second: 4}]


def test_wrong_uses_are_refused() -> None:
    for text, with_sample in (("search", False), ("4,nothing=8", True), ("nothing=16", False)):
        with pytest.raises(UsageError, match="NC009") as error:
            compilation(with_sample, weight_bits=text)
        assert error.value.diagnostics[0].values["option"] == "--weight-bits"
    graph, sample = graph_and_sample()
    for text in ("4,a=3", "a=16"):
        with pytest.raises(UsageError, match="NC009"):
            compile_graph(graph, load_target("truenorth"),
                          TRUENORTH.options_type(weight_bits=text), sample)


def test_weights_of_a_shared_sum_are_named_with_it() -> None:
    plain = compilation().floating
    first, second = (p.name for p in plain.populations)
    network = replace(plain, populations=tuple(
        replace(p, neuron=Adder()) if p.name == first else p for p in plain.populations))
    with pytest.raises(UsageError, match="NC009") as error:
        check_bits(Options(weight_bits=f"{second}=16"), network,
                   Lowering(graph=graph_and_sample()[0], whole=network, pruning=None, sample=None))
    assert first in str(error.value.diagnostics[0].values["reason"])
