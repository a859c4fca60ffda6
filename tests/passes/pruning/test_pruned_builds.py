"""Builds of pruned networks: what they say of themselves, and that they are found again."""

from pathlib import Path

import numpy as np
import pytest

from neurocompile.builds import builder, rebuild
from neurocompile.builds.directory import open_build
from neurocompile.families.family import Checks
from neurocompile.formats.request import Capture
from neurocompile.formats.samples import Sample
from neurocompile.options import Options
from neurocompile.report import words
from neurocompile.report.plain import to_json
from tests.loihi import compile_for_loihi
from tests.passes.pruning.test_prune import LOIHI2, SAMPLES, events
from tests.zoo.test_mixers import model_graph, small


def test_a_pruned_build_says_what_changed_and_can_be_checked_again(tmp_path: Path) -> None:
    x, graph = small("stmixer", "small_t2")[1], model_graph("stmixer", "small_t2")
    sample = Sample(tmp_path / "s.npz", {"x": x.numpy()}, np.array([0, 1]))
    sample.file.write_bytes(b"")
    result = builder.build(
        Capture(graph, "net", ()), LOIHI2, Options(prune_tokens=0.25, prune_steps=0.5),
        tmp_path / "b", sample=sample, checks=Checks(0))
    note = next(d for d in result.diagnostics if d.code == "NC139")
    assert "tokens: 12 of 16" in note.message
    assert "ticks: 1 of 2" in note.message
    facts, accuracy = result.report.resources.pruning, result.accuracy
    assert facts is not None
    assert accuracy is not None
    assert (len(facts.tokens.numbers), facts.ticks.numbers) == (12, (0,))
    assert facts.neurons.before - facts.neurons.after >= 4 * (8 * 32 + 2 * 64)
    assert all(p.before > p.after for p in facts.populations)
    assert result.report.resources.totals.ticks == 1
    assert to_json(accuracy).keys() == {"right", "samples", "unpruned"}
    assert "before pruning" in words.accuracy(accuracy)
    whole = compile_for_loihi(graph, LOIHI2, sample={"x": x.numpy()})
    expected = builder.measure_accuracy(whole.network, {"x": x.numpy()}, sample)
    assert accuracy.before_pruning == expected.right
    build = open_build(tmp_path / "b")
    again = rebuild.recompile(build)
    rebuild.recheck(build, again)
    assert again.compilation.pruning.selection == result.compilation.pruning.selection


def test_nothing_to_prune_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    _, x, graph = events()
    sample = Sample(tmp_path / "s.npz", {"x": x.transpose(0, 1).numpy()},
                    np.zeros(SAMPLES, np.int64))
    sample.file.write_bytes(b"")
    for name, options in (("a", Options()), ("b", Options(prune_tokens=0.0, prune_steps=0.0))):
        builder.build(Capture(graph, "net", ()), LOIHI2, options, tmp_path / name, sample=sample,
                      checks=Checks(0))
    first, second = ((tmp_path / name / "manifest.json").read_bytes() for name in "ab")
    assert first == second
    assert b"pruning" not in first
