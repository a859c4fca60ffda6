"""What is refused before any weight counts, and the time that integers get from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.loihi import LOIHI
from neurocompile.families.loihi.compilation import LoihiStructure
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Network
from neurocompile.options import Options
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.semantics.reset import Reset
from tests.loihi import loihi_target
from tests.properties.random_nets import random_net


def structure(network: Network, target: str = "loihi2", **options: Any) -> LoihiStructure:
    settings = Options(**options).with_usual_bits(8)
    graph = Graph(ir.Model(ir.Graph([], [], nodes=[]), ir_version=10))  # nothing reads it
    lowering = Lowering(graph=graph, whole=network, pruning=None, sample=None)
    return LOIHI.structure(Recorder(lambda _: None), lowering, loihi_target(target), settings)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 5, 6])  # with numbers that have a place
def test_integers_keep_the_time_of_the_structure(seed: int) -> None:
    network = random_net(seed).network
    one = structure(network, streams="duplicate")
    integers, _ = LoihiQuantizer(8).run(one.floating, loihi_target())
    assert align(integers).depth == one.schedule.depth


def test_it_names_what_the_chips_cannot_have() -> None:
    network = random_net(0, (Reset.SOFT,)).network
    with pytest.raises(FindingsError) as error:
        structure(network, "loihi1")
    assert {d.code for d in error.value.diagnostics} == {"NC202", "NC309"}
    with pytest.raises(FindingsError) as error:
        structure(replace(network, populations=tuple(
            replace(p, neuron=replace(p.floating, v_th=-1.0)) for p in network.populations)))
    assert {d.code for d in error.value.diagnostics} == {"NC305"}
    with pytest.raises(UsageError) as usage:
        structure(network, weight_bits="8,nobody=4")
    assert [d.code for d in usage.value.diagnostics] == ["NC009"]
    with pytest.raises(UsageError) as usage:
        structure(network, weight_bits="search")
    assert "it needs a sample" in str(usage.value)


def test_weights_are_nothing_to_it() -> None:
    network = random_net(1).network
    blank = replace(network, projections=tuple(
        replace(p, operator=p.operator.with_weights(np.full_like(p.operator.weights, np.nan)))
        for p in network.projections))
    assert structure(blank, streams="duplicate").schedule.depth == structure(
        network, streams="duplicate").schedule.depth


