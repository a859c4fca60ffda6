"""Builds and exports by command: files, verification, the same bytes every time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from neurocompile import cli
from neurocompile.builds.directory import open_build
from tests.commands.command_line import run as _run
from tests.commands.project_files import DIAGNOSTICS, NET


def test_a_build_that_stops_after_place_has_no_program(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "build net.onnx -t loihi2 --stop-after place -o mapped", 0)
    assert out.endswith("wrote mapped/: no program, report.html shows the mapping\n")
    assert not (here / "mapped/program").exists()
    whole, partial = ((here / folder / "mapping.json").read_text() for folder in ("built", "mapped"))
    assert json.loads(whole)["cores"] == json.loads(partial)["cores"]
    _run(capsys, "report mapped", 0)
    _, err = _run(capsys, "verify mapped", 2)
    assert "error[NC007]: cannot find a program in `mapped`" in err


def test_a_failed_build_leaves_the_old_one(here: Path, capsys: Any,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    _run(capsys, "build net.onnx --no-verify -o kept", 0)
    before = (here / "kept/manifest.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("neurocompile.builds.builder.write_json", full)
    _, err = _run(capsys, "build net.onnx --no-verify -o kept", 2)
    assert "No space left" in err
    assert (here / "kept/manifest.json").read_bytes() == before
    assert open_build(here / "kept")


def test_the_build_directory(here: Path, capsys: Any) -> None:
    directory = here / "built"
    assert sorted(p.name for p in directory.iterdir()) == [
        "diagnostics.json", "fidelity.json", "manifest.json", "mapping.json", "model.onnx",
        "program", "report.html", "resources.csv", "resources.json",
        "rounding.npz", "target.toml", "trace.json"]
    manifest = json.loads((directory / "manifest.json").read_text())
    assert [one["role"] for one in manifest["inputs"]] == ["graph", "sample"]
    jsonschema.validate(json.loads((directory / "diagnostics.json").read_text()),
                        json.loads(DIAGNOSTICS.read_text()))
    assert str(here) not in (directory / "manifest.json").read_text()
    out, _ = _run(capsys, "report built")
    assert "not verified" in out
    assert "fits on" in out
    out, _ = _run(capsys, "report built --format json")
    assert json.loads(out)["resources"]["totals"]
    out, _ = _run(capsys, "report built --format csv")
    assert out == (directory / "resources.csv").read_text()
    _run(capsys, "report built --format html --output page.html")
    assert (here / "page.html").read_text() == (directory / "report.html").read_text()


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_builds_are_equal_byte_for_byte(here: Path, tmp_path: Path) -> None:
    contents = []
    for seed in ("1", "2"):
        folder = tmp_path / f"somewhere{seed}"
        folder.mkdir()
        shutil.copy(here / "s.npz", folder)
        shutil.copy(here / "cli_net.py", folder)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": seed, "TZ": "UTC"}
        subprocess.run(
            [sys.executable, "-m", "neurocompile", "build", "cli_net:make", "-t", "loihi2", "-q",
             "--sample", "s.npz", "--no-verify"], cwd=folder, env=environment, check=True,
            capture_output=True)
        contents.append(_files(folder / "build"))
    first, second = contents
    manifests = [json.loads(files.pop("manifest.json")) for files in contents]
    for files, manifest in zip(contents, manifests, strict=True):
        files.pop("trace.json")
        manifest.pop("created")
    assert manifests[0] == manifests[1]
    assert first == second


@pytest.mark.lava
def test_build_and_verify_on_lava(here: Path, capsys: Any) -> None:
    pytest.importorskip("lava")
    out, _ = _run(capsys, "build net.onnx --sample s.npz -o proved")
    assert "verified on 4 samples, 24 ticks" in out
    assert "accuracy of the integer network:" in out
    out, _ = _run(capsys, "verify proved --input s.npz")
    assert "verified on 6 samples, 36 ticks" in out
    assert ": 0 differences" in out
    out, _ = _run(capsys, "verify proved --samples 1 --format json")
    assert json.loads(out)["differences"] == 0


def test_a_program_that_differs_is_not_published(here: Path, capsys: Any,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    from neurocompile.backends.results import Verification
    from neurocompile.diagnostics import Diagnostic

    finding = Diagnostic("NC702", values={
        "population": "lif1", "sample": 0, "tick": 1, "neuron": 2, "expected": 1, "found": 0,
        "program": "it"})
    monkeypatch.setattr("neurocompile.backends.loihi.verify.verify",
                        lambda *_, **__: Verification(samples=1, ticks=6, populations=(),
                                                      diagnostics=(finding,), seconds=0.0))
    out, _ = _run(capsys, "build net.onnx -o wrong --format concise", 1)
    assert out.startswith("error[NC702]")
    assert not (here / "wrong").exists()
    out, _ = _run(capsys, "verify built", 1)
    assert "error[NC702]" in out


def test_verify_refuses_a_changed_program(here: Path, capsys: Any) -> None:
    shutil.copytree(here / "built", here / "changed", dirs_exist_ok=True)
    program = here / "changed/program/net.py"
    program.write_text(program.read_text() + "\n")
    _, err = _run(capsys, "verify changed", 2)
    assert "NC704" in err


def test_without_lava_a_build_says_that_it_is_not_verified(
        here: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurocompile.diagnostics import Diagnostic, UsageError

    def missing(*_: object, **__: object) -> None:
        raise UsageError(Diagnostic("NC602", values={"what": "it", "package": "lava-nc"}))

    monkeypatch.setattr("neurocompile.backends.loihi.verify.verify", missing)
    out, _ = _run(capsys, "build net.onnx -o unproved", 0)
    assert "warning[NC602]" in out
    assert "not verified" in out
    _, err = _run(capsys, "verify unproved", 2)
    assert "NC602" in err


def test_a_net_file_is_exported_and_read_back(here: Path, capsys: Any) -> None:
    (here / "signed_net.py").write_text(NET.replace("(self.b.weight, 0.0", "(self.b.weight, -0.8")
                                        .replace("LIFNode", "IFNode"))
    assert cli.run(["export", "signed_net:make", "--input-shape", "5", "-o", "signed.net"]) == 0
    assert "wrote signed.net: 2 layers" in capsys.readouterr().out
    assert cli.run(["check", "signed.net", "-t", "loihi2", "--ticks", "6"]) == 0


def test_what_a_net_file_cannot_say(here: Path, capsys: Any) -> None:
    (here / "soft_net.py").write_text(NET.replace("LIFNode(", "LIFNode(v_reset=None, "))
    assert cli.run(["export", "soft_net:make", "--input-shape", "5", "-o", "soft.net"]) == 1
    assert "error[NC606]" in capsys.readouterr().out
    assert not (here / "soft.net").exists()
