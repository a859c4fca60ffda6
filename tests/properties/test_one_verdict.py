"""`check` refuses what `build` refuses, and nothing else, whatever the network is."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("spikingjelly.activation_based.neuron")
pytest.importorskip("snntorch")

from neurocompile.families.targets import load_target
from neurocompile.options import Options
from tests.properties.captured_together import graphs_of
from tests.properties.drawn_nets import TARGETS, RandomModel, plan
from tests.properties.verdicts import Verdicts, verdicts

FEW, MANY, GROUP = 32, 2000, 50
CHIPS = {name: load_target(name) for name in TARGETS}


def of_seeds(seeds: range) -> dict[int, Verdicts]:
    """Both verdicts on the network of each seed."""
    plans = [plan(seed) for seed in seeds]
    graphs = graphs_of([RandomModel(one) for one in plans])
    return {one.seed: verdicts(graph, CHIPS[one.target], Options(**one.options))
            for one, graph in zip(plans, graphs, strict=True)}


def survey(results: dict[int, Verdicts]) -> None:
    """No disagreement and no bug, among enough networks of each kind."""
    assert {seed: one for seed, one in results.items() if not one.agree or one.of_ours} == {}
    kinds = Counter(code for one in results.values() for code in one.check)
    legal_nets = [one for one in results.values() if not one.check]
    assert 0.25 * len(results) < len(legal_nets) < 0.75 * len(results)
    assert sum(not one.build for one in legal_nets) > 0.9 * len(legal_nets)  # few have too large numbers
    assert len(kinds) >= 10, kinds


def test_check_and_build_agree() -> None:
    survey(of_seeds(range(FEW)))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FEW, FEW + MANY, 10 * GROUP))
def test_check_and_build_agree_on_two_thousand(first: int) -> None:
    survey({seed: one for start in range(first, first + 10 * GROUP, GROUP)
            for seed, one in of_seeds(range(start, start + GROUP)).items()})


def test_equal_seeds_draw_equal_networks_and_every_fault() -> None:
    assert [plan(seed) for seed in range(50)] == [plan(seed) for seed in range(50)]
    assert all(not plan(seed).fault for seed in range(0, 50, 2))
    assert len({plan(seed).fault for seed in range(400)}) >= 20
