"""Samples in a Graph's file: what was stored is read, and no more than fits is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.capture.torch_model import capture
from neurocompile.ir import stored_samples
from neurocompile.ir.axes import layouts
from neurocompile.ir.axis_arrays import by_sample, in_layout
from neurocompile.ir.graph import Graph
from neurocompile.ir.graph_file import load_graph
from neurocompile.ir.stored_samples import MAX_SAMPLES, SAMPLES, samples_of


def graph_of(x: torch.Tensor, prove: bool = True) -> Graph:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), neuron.LIFNode(step_mode="m"))
    return capture(net, x, prove=prove)


VALUES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "bits": lambda x: (x < 0.5).float(), "bytes": lambda x: (x * 200).round(),
    "floats": lambda x: x - 0.5}


@pytest.mark.parametrize("kind", VALUES)
def test_what_is_stored_is_read_from_the_file(kind: str, tmp_path: Path) -> None:
    x = VALUES[kind](torch.rand(3, 5, 6, generator=torch.Generator().manual_seed(1)))
    graph = graph_of(x)
    assert f'"{kind}"' in graph.model.metadata_props[SAMPLES]
    (tmp_path / "net.onnx").write_bytes(graph.to_bytes())
    for one in (graph, load_graph(tmp_path / "net.onnx")):
        samples = samples_of(one)
        assert samples is not None
        (array,), count = samples
        assert count == 5
        assert np.array_equal(array, x.numpy())


def test_only_the_first_samples_are_stored_and_fill_the_batch() -> None:
    x = torch.rand(3, 20, 6)
    samples = samples_of(graph_of(x))
    assert samples is not None
    (array,), count = samples
    assert count == MAX_SAMPLES == 8
    assert np.array_equal(array, x.numpy()[:, np.arange(20) % 8])


def test_what_does_not_fit_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(3, 8, 6)
    monkeypatch.setattr(stored_samples, "MAX_BYTES", 3 * 4 * 6 * 4)  # four samples of floats
    samples = samples_of(graph_of(x))
    assert samples is not None
    assert samples[1] == 4
    monkeypatch.setattr(stored_samples, "MAX_BYTES", 3 * 6 * 4 - 1)
    assert samples_of(graph_of(x)) is None


def test_a_graph_without_replay_has_no_samples() -> None:
    assert samples_of(graph_of(torch.rand(3, 4, 6), prove=False)) is None


def test_arrays_by_sample_and_back() -> None:
    """Time in front, the batch behind it; elements in the order of the data axes."""
    x = torch.rand(3, 5, 6)
    graph = graph_of(x)
    layout = layouts(graph).dims[str(graph.model.graph.inputs[0].name)]
    assert layout is not None
    array = by_sample(x.numpy(), layout)
    assert np.array_equal(array, x.numpy().swapaxes(0, 1))
    assert np.array_equal(in_layout(array, layout), x.numpy())
