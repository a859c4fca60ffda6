"""The command line with TrueNorth as target: build, verify, report, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurocompile import cli
from neurocompile.backends.truenorth.network_file import load_network
from neurocompile.backends.truenorth.ranc import canonical
from tests.commands.command_line import run as _run
from tests.paths import TESTS

CONFIG = """
target = "truenorth"
[models.frames]
entry = "truenorth_models:Spiking"
sample = "frames.npz"
input = { shape = [2, 6, 6], ticks = 4 }
[models.wide]
entry = "truenorth_models:Spiking"
args = { groups = 1, width = 14 }
sample = "frames.npz"
input = { shape = [2, 6, 6], ticks = 4 }
fan-in = "group"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a sample, a graph and a build of it."""
    folder = tmp_path_factory.mktemp("truenorth")
    shutil.copy(TESTS / "families/truenorth_models.py", folder)
    (folder / "neurocompile.toml").write_text(CONFIG)
    x = (np.random.default_rng(3).random((6, 4, 2, 6, 6)) < 0.4).astype(np.uint8)
    np.savez(folder / "frames.npz", x=x, y=np.arange(6) % 3)
    here = Path.cwd()
    os.chdir(folder)
    try:
        assert cli.run(["export", "frames", "-o", "net.onnx"]) == 0
        assert cli.run(["build", "net.onnx", "--sample", "frames.npz", "-o", "built"]) == 0
    finally:
        os.chdir(here)
    return folder


def test_a_build_holds_the_chip_and_is_verified(here: Path) -> None:
    files = {path.relative_to(here / "built").as_posix() for path in (here / "built").rglob("*.*")}
    assert files >= {"program/network.safetensors", "program/network.json", "program/README.md",
                     "model.onnx", "resources.json", "fidelity.json", "mapping.json",
                     "report.html", "manifest.json", "target.toml"}
    fidelity = json.loads((here / "built/fidelity.json").read_text())
    assert fidelity["verification"]["status"] == "verified"
    assert fidelity["verification"]["differences"] == 0
    assert fidelity["accuracy"]["samples"] == 6
    manifest = json.loads((here / "built/manifest.json").read_text())
    assert manifest["options"]["weight_bits"] == 4
    assert manifest["options"]["fan_in"] == "reject"


def test_verify_runs_the_build_on_other_samples(here: Path, capsys: Any) -> None:
    """The places of the build rest on its sample's rates; verify has none of them."""
    out, _ = _run(capsys, "verify built --samples 7")
    assert "verified on 7 samples, 28 ticks" in out
    assert "0 differences" in out
    out, _ = _run(capsys, "verify built --input frames.npz --format json")
    verification = json.loads(out)
    assert verification["differences"] == 0
    assert all(p["spikes"] > 0 for p in verification["populations"])


def test_a_changed_program_is_refused(here: Path, capsys: Any) -> None:
    shutil.copytree(here / "built", here / "changed", dirs_exist_ok=True)
    path = here / "changed/program/network.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    _, err = _run(capsys, "verify changed", 2)
    assert "NC704" in err


def test_reports_of_a_build(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "report built")
    for words in ("fits on", "crossbars", "axons", "verified on 4 samples", "estimate:"):
        assert words in out, words
    assert max(map(len, out.splitlines())) <= 100
    out, _ = _run(capsys, "report built --format json")
    section, = (s for s in json.loads(out)["sections"] if s["key"] == "crossbars")
    table, = section["tables"]
    exactness = [column["title"] for column in table["columns"]].index("exactness")
    assert {row[exactness] for row in table["rows"]} == {"exact"}
    out, _ = _run(capsys, "report built --format csv")
    assert out.splitlines()[1].split(",")[4:6] == ["neurons", "neurons"]
    out, _ = _run(capsys, "report built --format html")
    assert "Crossbars" in out


def test_builds_for_both_families_compare(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "build net.onnx -t loihi2 -o loihi --no-verify")
    assert "program/ runs on Lava" in out
    out, _ = _run(capsys, "report --diff loihi built")
    assert "net.onnx on loihi2 -> net.onnx on truenorth" in out
    assert "option weight_bits" in out


@pytest.mark.slow
def test_check_says_which_groups_would_fit(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "check wide --full", 1)
    assert "error[NC431]" in out
    assert "train it with 2 groups, of 7 to 3 channels" in out
    out, _ = _run(capsys, "check wide --full --format json", 1)
    text = json.dumps(json.loads(out))
    assert '"inputs_per_group": 7' in text
    out, _ = _run(capsys, "check wide --full --weight-bits 2 --fan-in reject --max-loss 100")
    assert "of 4096 cores" in out


def test_targets_and_net_files(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "targets truenorth")
    assert "256" in out
    _, err = _run(capsys, "export net.onnx -t truenorth -o x.net", 2)
    assert "NC601" in err


def test_ranc_out_and_in(here: Path, capsys: Any) -> None:
    out, _ = _run(capsys, "ranc built -o net.json")
    assert "wrote net.json and net_config.json" in out
    assert json.loads((here / "net_config.json").read_text())["num_axons"] == 256
    _run(capsys, "ranc net.json -o back.safetensors")
    before, after = (load_network(here / name) for name in (
        "built/program/network.safetensors", "back.safetensors"))
    assert (after.cores.crossbar == canonical(before).cores.crossbar).all()
    assert after.cores.crossbar.any()
    _run(capsys, "ranc back.safetensors -o again.json")
    assert (here / "again.json").read_bytes() == (here / "net.json").read_bytes()


@pytest.mark.parametrize(("command", "code"), [
    ("ranc built -o net.txt", "NC009"), ("ranc absent.json -o a.json", "NC009"),
    ("ranc absent.json -o a.safetensors", "NC007"), ("ranc built -o absent/net.json", "NC009")])
def test_what_ranc_is_not_given(here: Path, capsys: Any, command: str, code: str) -> None:
    _, err = _run(capsys, command, 2)
    assert f"error[{code}]" in err
    assert not (here / "net.txt").exists()


def test_groups_to_train_again_are_written(here: Path, capsys: Any) -> None:
    _run(capsys, "build wide -o none --fan-in reject", 1)
    assert not (here / "none.groups.json").exists()
    out, err = _run(capsys, "build wide -o none", 1)
    assert "wrote none.groups.json: with which groups to train again" in err
    assert "train it with 2 groups, of 7 to 3 channels" in out
    groups = json.loads((here / "none.groups.json").read_text())
    assert groups["axons"] == 256
    assert groups["populations"][0]["projections"][0]["groups"] == 2
    assert not (here / "none").exists()
