"""A sweep: every point is what compiling alone makes, of one float network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.families.fidelity import right_answers
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.sweep import Setting, sweep
from neurocompile.families.table import family_of, options_of
from neurocompile.families.targets import load_target
from neurocompile.report.model.sweep import SweepDocument, SweepResult
from tests.families.loihi.test_bit_search import graph_and_sample

LABELS = np.arange(48) % 10
BITS = (8, 2, "search")


def settings(bits: Sequence[int | str], targets: Sequence[str] = ("loihi2",), **options: object
             ) -> list[Setting]:
    return [Setting(chip, options_of(family_of(chip), {"weight_bits": one, **options}))
            for chip in map(load_target, targets) for one in bits]


@lru_cache
def points(labels: bool = True) -> tuple[SweepDocument, list[str]]:
    """8 bits, 2 bits, a search; and the stages that ran."""
    graph, sample = graph_and_sample()
    stages: list[str] = []
    document = sweep(graph, "net", settings(BITS, max_loss=60.0, search_loss=10.0), sample,
                     LABELS if labels else None, stages.append)
    return document, stages


def results() -> list[SweepResult]:
    return [one.result for one in points()[0].points if one.result is not None]


def test_it_is_lowered_once() -> None:
    stages = points()[1]
    assert [stages.count(name) for name in ("check", "lower", "gate")] == [1, 1, 1]
    assert sum(name.endswith(": quantize") for name in stages) == 3
    assert "loihi2 search: bits" in stages


def test_each_point_is_what_compiling_alone_makes() -> None:
    graph, sample = graph_and_sample()
    for setting, result in zip(settings(BITS, max_loss=60.0, search_loss=10.0), results(), strict=True):
        options = setting.options
        if not options.searches_bits:
            options = replace(options, max_loss=100.0)
        alone = compile_graph(graph, setting.target, options, sample, labels=LABELS)
        assert isinstance(alone, LoihiCompilation)
        assert alone.fidelity is not None
        spikes = alone.fidelity.populations
        assert result.local_agreement == pytest.approx({
            name: one.local_agreement for name, one in spikes.items()}, abs=1e-6)
        assert result.least_agreement == min(result.local_agreement.values())
        assert (result.right, result.same) == (
            right_answers(alone.network, sample, LABELS), *alone.fidelity.same_argmax.values())
        assert (result.cores, result.memory) == (
            alone.n_cores, sum(core.synapse_memory for core in alone.usage.cores))
        assert result.bits == {p.name: q.weight_bits for p, q in zip(
            alone.network.populations, alone.network.projections, strict=True)}


def test_fewer_bits_cost_spikes_and_save_memory() -> None:
    eight, two, search = results()
    assert (eight.mean_bits, two.mean_bits) == (8, 2)
    assert 2 <= search.mean_bits < 8
    assert two.mean_agreement < eight.mean_agreement
    assert two.memory is not None
    assert eight.memory is not None
    assert two.memory < eight.memory


def test_what_loses_too_much_has_its_figures() -> None:
    graph, sample = graph_and_sample()
    setting, = settings([2], max_loss=1.0)
    strict, = sweep(graph, "net", [setting], sample, None, lambda _: None).points
    assert strict.result is not None
    assert strict.result.over_loss
    assert not results()[0].over_loss
    with pytest.raises(FindingsError, match="NC701"):
        compile_graph(graph, setting.target, setting.options, sample)


def test_two_synapses_of_a_weight_are_one_of_16_bits() -> None:
    graph, sample = graph_and_sample()
    *_, second = results()[0].bits
    one, = sweep(graph, "net", settings([f"{second}=16"]), sample, None, lambda _: None).points
    assert one.result is not None
    assert (one.weight_bits, one.result.bits[second]) == (f"{second}=16", 16)
    assert one.result.mean_bits == (8 * 30 * 40 + 16 * 10 * 30) / (30 * 40 + 10 * 30)


def test_loss_is_of_accuracy_else_of_answers() -> None:
    document, _ = points()
    result, by_answers = results()[1], points(False)[0]
    assert document.float_right is not None
    assert result.right is not None
    assert document.loss(result) == (document.float_right - result.right) / 48
    same, = (one.result for one in by_answers.points if one.weight_bits == "2")
    assert same is not None
    assert same.same is not None
    assert (by_answers.float_right, same.right) == (None, None)
    assert by_answers.loss(same) == 1 - same.same / 48


def test_a_point_that_cannot_be_had_says_why() -> None:
    graph, sample = graph_and_sample()
    first, other = sweep(graph, "net", settings([4, "4,nothing=2"]), sample, None,
                         lambda _: None).points
    assert (first.result is None, other.result is None) == (False, True)
    refusal, = other.refusals
    assert (first.refusals, refusal.code) == ((), "NC009")
    assert "nothing" in refusal.message
    with pytest.raises(UsageError, match="nothing"):
        sweep(graph, "net", settings(["4,nothing=2"]), sample, None, lambda _: None)
    with pytest.raises(FindingsError, match="NC411"):
        sweep(graph, "net", settings([8, 2], max_synapses=1), sample, None, lambda _: None)


def test_without_a_sample_it_is_measured_on_the_capture() -> None:
    document = sweep(graph_and_sample()[0], "net", settings([8]), None, None, lambda _: None)
    assert (document.inputs, document.float_right) == ("capture", None)
    assert 0 < document.samples < 48


@pytest.mark.slow
def test_targets_of_other_families() -> None:
    graph, sample = graph_and_sample()
    document = sweep(graph, "net", settings([4], ["loihi1", "truenorth"]), sample, None,
                     lambda _: None)
    loihi, truenorth = (one.result for one in document.points)
    assert loihi is not None
    assert truenorth is not None
    assert [one.target for one in document.points] == ["loihi1", "truenorth"]
    assert (truenorth.bits, truenorth.memory, truenorth.mean_bits) == ({}, None, 4)
    assert loihi.memory
