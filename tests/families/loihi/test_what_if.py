"""What a change would save: the same network partitioned under another assumption."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurocompile.builds.builder import BuildResult
from neurocompile.families.loihi import what_if, what_if_counts
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.targets import load_target
from neurocompile.ir.network import Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.resources import count
from neurocompile.passes.loihi.weight_bits import with_equal_bits
from neurocompile.report.model.report import Report
from neurocompile.target.loihi import LoihiTarget


@pytest.fixture
def compilation(loihi_build: BuildResult) -> LoihiCompilation:
    assert isinstance(loihi_build.compilation, LoihiCompilation)
    return loihi_build.compilation


@pytest.fixture
def report(loihi_build: BuildResult) -> Report:
    return loihi_build.report


def cores_of(compilation: LoihiCompilation) -> dict[tuple[str, int | str], int | None]:
    return {(one.change, one.value): one.cores for one in what_if_counts.count(compilation).changes}


def texts(data: what_if.WhatIf, report: Report) -> list[str]:
    return [line.text for line in what_if.show(data, report).lines]


def test_fewer_bits_and_no_limit_take_fewer_cores(compilation: LoihiCompilation,
                                                  report: Report) -> None:
    cores, now = cores_of(compilation), compilation.n_cores
    six, four, free = (cores[key] for key in (
        ("weight_bits", 6), ("weight_bits", 4), ("no_limit", "synapse_memory")))
    assert now > (six or 0) > (four or 0) >= (free or 0) > 0
    assert six == len(partition(
        with_equal_bits(compilation.network, 6), compilation.target).cores)
    content = what_if.show(what_if_counts.count(compilation), report)
    assert f"6-bit weights: {now} -> {six} cores" in [line.text for line in content.lines]
    assert any(line.text.startswith("without the limit of synapse memory: ")
               for line in content.lines)
    assert content.note == what_if.NOTE


def test_a_network_that_would_not_fit(compilation: LoihiCompilation, report: Report) -> None:
    """On a system with as many cores as it takes at 6 bits."""
    target = compilation.target
    enough = len(partition(with_equal_bits(compilation.network, 6), target).cores)
    chip = replace(target.chip, chips=replace(target.chip.chips, value=1),
                   cores=replace(target.chip.cores, value=enough))
    four = replace(compilation, network=with_equal_bits(compilation.network, 4),
                   target=replace(target, chip=chip))
    cores = cores_of(four)
    assert cores["weight_bits", 6] == enough
    assert cores["weight_bits", 8] is None
    assert "8-bit weights: would not fit" in texts(what_if_counts.count(four), report)


def test_large_mappings_are_not_counted_again(
        compilation: LoihiCompilation, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    most = compilation.n_cores - 1
    monkeypatch.setattr(what_if_counts, "MAX_CORES", most)
    data = what_if_counts.count(compilation)
    assert data == what_if.WhatIf(skipped=True, most=most, changes=())
    assert texts(data, report) == [f"not counted again beyond {most} cores"]


def with_network(compilation: LoihiCompilation, network: Network) -> LoihiCompilation:
    """On a whole Loihi 1."""
    target = load_target("loihi1")
    assert isinstance(target, LoihiTarget)
    usage = count(network, partition(network, target), target)
    return replace(compilation, network=network, target=target, usage=usage)


def test_shared_lists(compilation: LoihiCompilation, report: Report) -> None:
    """A convolution whose dense lists take several cores."""
    conv = Conv((16, 16, 16), (32, 16, 16), np.full((32, 16, 3, 3), 2, np.int32), padding=(1, 1))
    neuron = compilation.network.population("if1").neuron
    view = with_network(compilation, Network(
        (Input("x", (16, 16, 16), InputKind.SPIKES),), (Population("a", (32, 16, 16), neuron),),
        (Projection("x", "a", conv),), (), 4))
    cores = cores_of(view)
    assert cores["encoding", "shared"] == 8 < view.n_cores == 10
    assert ("encoding", "auto") not in cores  # takes the same lists
    (line,) = (text for text in texts(what_if_counts.count(view), report) if "shared" in text)
    assert line.startswith("shared convolution lists (--encoding shared): ")
    assert line.endswith(" -> 8 cores")


def test_sparse_lists(compilation: LoihiCompilation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dense layer of which one weight in eight is left."""
    weight = np.where(np.arange(500 * 2000).reshape(500, 2000) % 8, 0, 2).astype(np.int32)
    neuron = compilation.network.population("if1").neuron
    view = with_network(compilation, Network(
        (Input("x", (2000,), InputKind.SPIKES),), (Population("a", (500,), neuron),),
        (Projection("x", "a", Dense((2000,), (500,), weight)),), (), 4))
    cores = cores_of(view)
    assert 1 < (cores["encoding", "auto"] or 0) < view.n_cores / 2
    assert ("encoding", "shared") not in cores
    monkeypatch.setattr(what_if_counts, "MOST_LISTED", 500 * 2000 - 1)
    assert "encoding" not in {change for change, _ in cores_of(view)}
