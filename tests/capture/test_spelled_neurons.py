"""A hand-written neuron is the same one in every spelling; a decay of 0 is one like 0.1."""

from __future__ import annotations

import pytest
import torch

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import errors
from neurocompile.families.gate import gate
from neurocompile.ir.graph import Graph
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower
from neurocompile.semantics.reset import Reset
from tests.capture.spelled_neurons import STEPS, N, Spellings, T


def graph_of(decay: float, v_th: float) -> Graph:
    torch.manual_seed(0)
    return capture(Spellings(decay, v_th).eval(), torch.randint(0, 9, (2, T, N)) / 8)


@pytest.mark.parametrize(("decay", "v_th"), [
    (0.0, 0.5), *(pytest.param(*pair, marks=pytest.mark.slow) for pair in (
        (0.5, 1.0), (1.0, 1.0), (0.9, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 0.5)))])
def test_one_neuron(decay: float, v_th: float) -> None:
    graph = graph_of(decay, v_th)
    assert not errors(check_graph(graph))
    network, _ = lower(graph)
    counts = gate(graph, network).spikes
    assert counts.keys() == {f"cells.{name}" for name in STEPS}
    assert len(set(counts.values())) == 1
    assert 0 < counts["cells.plain"]
    model, = {population.neuron for population in network.populations}
    reset = Reset.HARD if decay else Reset.NONE  # nothing is left to reset
    assert (model.decay, model.v_th, model.reset) == (pytest.approx(decay), v_th, reset)
