"""`neurocompile sweep` as typed, and `neurocompile.sweep`."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import neurocompile
from neurocompile import cli
from neurocompile.builds.files import schemas
from tests.commands.command_line import run
from tests.families.loihi.test_bit_search import graph_and_sample


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a captured model and labeled samples."""
    graph, sample = graph_and_sample()
    (tmp_path / "net.onnx").write_bytes(graph.to_bytes())
    x, = sample.values()
    np.savez(tmp_path / "s.npz", x=x, y=np.arange(len(x)) % 10)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_and_files(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = run(capsys, "sweep net.onnx -t loihi2 --sample s.npz --bits 8,2 --max-loss 99 "
                         "-o a.html -o a.json -o a.csv -q")
    assert out.startswith("net.onnx: 2 points on loihi2\nmeasured on 48 samples; ")
    text = (project / "a.json").read_text()
    document = json.loads(text)
    jsonschema.validate(document, schemas()["sweep-1.json"])
    assert [one["weight_bits"] for one in document["points"]] == ["8", "2"]
    assert (project / "a.csv").read_text().count("\n") == 3
    assert "<svg" in (project / "a.html").read_text()
    result = neurocompile.sweep("net.onnx", bits=(8, 2), target="loihi2", sample="s.npz", max_loss=99.0)
    assert [one.result is not None for one in result.points] == [True, True]
    run(capsys, "sweep net.onnx -t loihi2 --sample s.npz --bits 2 --format json -q")


@pytest.mark.parametrize(("options", "word"), [
    ("--bits 9", "--bits"), ("--bits 4,,2", "--bits"), ("-o a.txt", "a.txt"),
    ("--bits search", "sample"), ("--encoder bogus", "--encoder")])
def test_wrong_uses_are_one_finding(project: Path, capsys: pytest.CaptureFixture[str],
                                    options: str, word: str) -> None:
    assert cli.run(f"sweep net.onnx -t loihi2 {options}".split()) == 2
    err = capsys.readouterr().err
    assert err.count("error[NC009]") == 1
    assert word in err
    with pytest.raises(TypeError, match="bits"):
        neurocompile.sweep("net.onnx", weight_bits=4)


def test_no_network_is_no_table(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = run(capsys, "sweep net.onnx -t loihi2 --max-synapses 1 --bits 8,4 -q", 1)
    assert "NC411" in out
