"""Models of the kinds whose spikes quantization once lost, from PyTorch to integers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
import snntorch
import torch
from spikingjelly.activation_based import functional
from torch import Tensor, nn

from neurocompile.backends import synchronous
from neurocompile.capture.torch_model import capture
from neurocompile.families.fidelity import PopulationFidelity
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.pipeline import inputs_from
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import InputKind, Network
from neurocompile.options import Options
from neurocompile.passes.lowering.lower import lower
from tests.families.loihi import quantized_models as models
from tests.loihi import compile_for_loihi, loihi_target

Make = Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]
BOTH = ("loihi1", "loihi2")


def images(count: int, size: int, seed: int = 1) -> Tensor:
    return torch.rand(count, size, generator=torch.Generator().manual_seed(seed))


MODELS: dict[str, Make] = {
    "difference": lambda: (models.Difference(), (images(12, 6), images(12, 6, 2))),
    "coincidence": lambda: (models.Coincidence(), (models.frames(10, 10, 0.25, 6),)),
    "no memory": lambda: (models.Snn(
        nn.Linear(18, 40), snntorch.Leaky(beta=0.0, threshold=0.25)),
        (models.frames(12, 18, 0.3, 8),)),
    "fast current": lambda: (models.StaticCurrent(0.5, 0.0), (2 * images(16, 5),)),
    "slow current": lambda: (models.StaticCurrent(0.7, 0.8), (2 * images(16, 5),)),
    "counters": lambda: (models.counters(1500, 6.0), (models.frames(64, 1500, 0.2, 2),)),
    "dense": lambda: (models.dense((400, 200, 10)), (models.frames(256, 400, 0.3, 4),)),
    "exposure": lambda: (models.Exposure(256), (images(8, 12),)),
    "outlier current": lambda: (models.outlier_current(), (models.frames(30, 14, 0.4, 4),)),
}


@lru_cache
def graph_of(name: str) -> tuple[nn.Module, Graph, tuple[Tensor, ...]]:
    torch.manual_seed(0)
    model, arguments = MODELS[name]()
    return model, capture(model.eval(), arguments), arguments


@lru_cache
def compilation_of(name: str, target: str, with_sample: bool = True) -> LoihiCompilation:
    """The model in integers, on its own inputs as the sample."""
    _, graph, arguments = graph_of(name)
    sample = sample_of(lower(graph, ())[0], arguments) if with_sample else None
    return compile_for_loihi(graph, loihi_target(target), Options(max_loss=100.0), sample)


def sample_of(network: Network, arguments: tuple[Tensor, ...]) -> dict[str, np.ndarray]:
    """The arguments [samples, ...] by input name."""
    kinds = [i.kind for i in network.inputs if i.kind is not InputKind.ONE]
    return inputs_from(network, [
        x.numpy() if kind is InputKind.STATIC else x.movedim(1, 0).numpy()
        for x, kind in zip(arguments, kinds, strict=True)])


def populations(name: str, target: str = "loihi2", with_sample: bool = True
                ) -> list[PopulationFidelity]:
    fidelity = compilation_of(name, target, with_sample).fidelity
    assert fidelity is not None
    parts = list(fidelity.populations.values())
    assert all(one.float_spikes > 20 for one in parts)
    return parts


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize("name", ["difference", "coincidence"])
def test_nothing_is_lost_where_the_grid_holds_the_network(name: str, target: str) -> None:
    for with_sample in (False, True):
        assert [p.differing for p in populations(name, target, with_sample)] == [0] * len(
            populations(name, target))


@pytest.mark.parametrize("target", BOTH)
def test_answers_are_those_of_pytorch(target: str) -> None:
    model, _, arguments = graph_of("coincidence")
    compilation = compilation_of("coincidence", target)
    values = synchronous.outputs(compilation.network, sample_of(compilation.network, arguments))
    output, = values.values()
    functional.reset_net(model)
    with torch.no_grad():
        expected = model(*arguments).numpy()
    assert 0 < expected.mean() < 1
    assert np.array_equal(np.rint(10 * output), np.rint(10 * expected))  # counts over 10 ticks


def test_neurons_without_memory() -> None:
    assert all(p.agreement >= 0.98 for p in populations("no memory"))


@pytest.mark.parametrize(("name", "least"), [("fast current", 0.97), ("slow current", 0.96)])
def test_graded_inputs_beside_biases(name: str, least: float) -> None:
    assert all(p.agreement >= least for p in populations(name))


@pytest.mark.parametrize("target", BOTH)
def test_many_inputs_and_ticks(target: str) -> None:
    assert all(p.agreement >= 0.99 for p in populations("counters", target))


def test_layers_without_leak_keep_most_spikes() -> None:
    """Eight bits of a weight leave some a tick early or late; their counts are kept."""
    assert all(p.local_agreement >= 0.95 for p in populations("dense"))


def test_layers_without_leak_keep_their_counts() -> None:
    compilation = compilation_of("dense", "loihi2")
    assert all(p.count_distance <= 0.01 for p in populations("dense"))
    inputs = sample_of(compilation.network, graph_of("dense")[2])
    last = compilation.network.populations[-1].name
    before, after = (synchronous.run(one, inputs).spikes[last].sum(axis=1, dtype=int)
                     for one in (compilation.floating, compilation.network))
    assert before.sum() > 50
    assert np.abs(before - after).max() <= 1


@pytest.mark.parametrize("target", BOTH)
def test_a_static_image_over_many_ticks(target: str) -> None:
    first, second = populations("exposure", target)
    assert first.local_agreement >= 0.99
    assert second.local_agreement >= 0.98
    assert max(first.count_distance, second.count_distance) <= 0.001


def test_small_biases_beside_an_outlier() -> None:
    assert all(p.local_agreement >= 0.98 and p.count_distance <= 0.01
               for p in populations("outlier current"))
