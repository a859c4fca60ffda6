"""Networks that are equal as functions of spikes get equal verdicts, and build the same."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
import torch

pytest.importorskip("spikingjelly.activation_based.neuron")

from neurocompile.backends.synchronous import run
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import Severity
from neurocompile.families.gate import gate
from neurocompile.families.pipeline import quantize
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import InputKind
from neurocompile.options import Options
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower
from tests.loihi import loihi_target
from tests.properties.spelled_nets import ILLEGAL, LEGAL, B, Net, T, Together
from tests.properties.spellings import Spelling, spellings

LOIHI2 = loihi_target("loihi2")
SHARE = 15  # of the spellings in the default suite, one in so many
BINARY = "where and sum"  # holds for 0 and 1, not for their sums
Ways = dict[str, Spelling]


def ways_of(net: type[Net]) -> Ways:
    """All spellings of a network, the plain one first."""
    ways = {"plain": Spelling()}
    for kind, table in spellings().items():
        if kind in net.uses:
            ways |= {f"{kind}: {name}": way for name, way in table.items()
                     if net.binary or name != BINARY}
    return ways


def stimulus(net: type[Net]) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 9, (T, B, *net.shape)) / 4


def codes(graph: Graph) -> dict[int, set[str]]:
    """What each of the networks is accused of."""
    accusations: dict[int, set[str]] = defaultdict(set)
    for finding in check_graph(graph):
        if finding.level > Severity.NOTE:
            accusations[int(finding.where.module.split(".")[1])].add(finding.code)
    return accusations


def assert_one_verdict(net: type[Net], ways: Ways) -> None:
    """All spellings get the codes of the network; the legal ones send the same spikes on a chip."""
    x = stimulus(net)
    graph = capture(Together(net, ways).eval(), x)
    assert all(graph.info["replay"]["spikes"].values())
    accusations = codes(graph)
    other = {name: accusations[number] for number, name in enumerate(ways)
             if accusations[number] != net.codes}
    assert other == {}
    if not net.codes:
        assert_same_spikes(graph, ways, x)


def assert_same_spikes(graph: Graph, ways: Ways, x: torch.Tensor) -> None:
    network, _ = lower(graph)
    assert gate(graph, network).active
    integers = quantize(network, LOIHI2, Options())
    item = next(i for i in integers.inputs if i.kind is not InputKind.ONE)
    spikes = run(integers, {item.name: x.numpy().swapaxes(0, 1)}).spikes
    plain = {name.removeprefix("nets.0."): train for name, train in spikes.items()
             if name.startswith("nets.0.")}
    assert plain
    assert all(0 < train.mean() < 1 for train in plain.values())
    for number, way in enumerate(ways):
        for name, train in plain.items():
            assert np.array_equal(spikes[f"nets.{number}.{name}"], train), (way, name)


def test_there_are_enough_spellings() -> None:
    assert all(len(ways_of(net)) > 40 for net in (*LEGAL, *ILLEGAL))
    assert {code for net in ILLEGAL for code in net.codes} == {
        "NC120", "NC121", "NC122", "NC123", "NC124", "NC125", "NC126"}


@pytest.mark.parametrize("net", [LEGAL[1], ILLEGAL[0]], ids=lambda net: net.__name__)
def test_a_share_of_the_spellings(net: type[Net]) -> None:
    ways = ways_of(net)
    assert_one_verdict(net, {name: ways[name] for name in [*ways][::SHARE]})


@pytest.mark.slow
@pytest.mark.parametrize("net", [*LEGAL, *ILLEGAL], ids=lambda net: net.__name__)
def test_all_spellings(net: type[Net]) -> None:
    assert_one_verdict(net, ways_of(net))
