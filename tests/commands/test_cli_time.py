"""Time on the command line: what is said of it, what is printed, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from neurocompile.builds.directory import open_build
from neurocompile.builds.files import load_report
from neurocompile.report.model.check import CheckDocument
from neurocompile.report.model.time import TimeFacts
from neurocompile.report.schema import document_schema
from tests.commands.command_line import run

MULTI_STEP, HAND_LOOP = "tests.formats.timed_models:multi_step", "tests.formats.timed_models:hand_loop"
TIME = "5 ticks a sample: axis 0 of `x`, 5xNx8 (N: samples)"
DECISION = "`x` goes into the model as 5xNx8, time in front of the N samples"


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of six samples of five ticks, in the working directory."""
    random = np.random.default_rng(3)
    np.savez(tmp_path / "s.npz", x=random.random((6, 5, 8)) < 0.5)
    monkeypatch.chdir(tmp_path)
    return "s.npz"


def test_check_says_the_ticks_and_how_it_decided(sample: str, capsys: pytest.CaptureFixture[str]
                                                 ) -> None:
    out, err = run(capsys, f"check {MULTI_STEP} -t loihi2 --sample {sample} --legality-only "
                           "--format json")
    document = json.loads(out)
    jsonschema.validate(document, document_schema(CheckDocument))
    (item,) = document["checks"]
    assert item["time"] == {"ticks": 5, "source": "input", "inputs": {"x": "5xNx8"}, "text": TIME}
    assert [one["code"] for one in item["diagnostics"] if one["severity"] == "note"] == ["NC031"]
    assert DECISION in err
    assert "--input Nx5x8 for a model that takes the samples in front" in err


def test_what_is_said_needs_no_note(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = run(capsys, f"check {MULTI_STEP} -t loihi2 --input 5xNx8")
    assert f"  time       {TIME}" in out
    assert "structure fits, no findings" in out
    assert DECISION not in err


def test_a_build_and_its_report_say_the_ticks(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("neurocompile.toml").write_text(
        f'target = "loihi2"\n[models.net]\nentry = "{HAND_LOOP}"\ninput = "5xNx8"\nsample = "s.npz"\n')
    out, err = run(capsys, "build net --no-verify -o built")
    assert f"time          {TIME}" in out
    assert DECISION not in err
    text, _ = run(capsys, "report built")
    assert f"time          {TIME}" in text
    assert "5xNx8 (N: samples)" in Path("built/report.html").read_text(encoding="utf-8")
    report, _ = load_report(open_build(Path("built")))
    assert report.records["time"] == TimeFacts(
        ticks=5, source="input", inputs={"x": "5xNx8"}, text=TIME)
    assert report.resources.totals.ticks == 5


@pytest.mark.slow
@pytest.mark.parametrize("entry", [MULTI_STEP, HAND_LOOP])
@pytest.mark.parametrize("place", ["first", "second", "last"])
def test_the_program_spikes_alike_wherever_time_is(sample: str, entry: str, place: str,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    if place == "last":
        np.savez(sample, x=np.load(sample)["x"].transpose(0, 2, 1))
    Path("arguments.json").write_text(json.dumps({"place": place}))
    out, _ = run(capsys, f"build {entry} -t loihi2 --arch-args @arguments.json --sample {sample} "
                         "--verify-samples 6 -o built")
    assert re.search(r"verified on 6 samples, 30 ticks, [\d,]+ spikes: 0 differences", out)
    assert "same largest output of `sum" in " ".join(out.split())
    out, _ = run(capsys, f"verify built --input {sample}")
    assert "0 differences" in out


@pytest.mark.parametrize(("options", "code", "words"), [
    ("--input 8", "NC030", "--input 16xNx8 for time in front of them"),
    ("--input 5xNx7", "NC102", "where the model takes an input of other sizes, say them"),
    ("--sample s.npz --input 6xNx8", "NC008",
     "`x` is (6, 5, 8), the input 6xNx8 takes (samples, 6, 8)"),
    ("--input 0xNx8", "NC009", "with N where the samples stand"),
    ("--input NxNx8", "NC009", "with N where the samples stand"),
    ("--input N", "NC009", "with N where the samples stand"),
    ("--input 9999999xNx9999999", "NC009", "at most 67,108,864 values in all"),
])
def test_sizes_that_cannot_be_used(sample: str, options: str, code: str, words: str,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    out, err = run(capsys, f"check {MULTI_STEP} -t loihi2 {options}", 2)
    text = " ".join((out + err).split())
    assert f"error[{code}]" in text
    assert words in text
