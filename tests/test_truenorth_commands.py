"""The command line for TrueNorth: RANC's JSON out and in, and groups to train again."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import truenorth_models as models

import neurocompile
from neurocompile import cli
from neurocompile.backends.truenorth.network_file import load_network
from neurocompile.backends.truenorth.ranc import canonical


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph whose second layer has 126 inputs, and a build of it with fewer bits."""
    made = tmp_path_factory.mktemp("truenorth")
    neurocompile.export(models.Spiking(groups=1, width=14), models.frames(3), made / "wide.onnx")
    assert cli.run(["build", str(made / "wide.onnx"), "-t", "truenorth", "-o", str(made / "built"),
                    "--weight-bits", "2", "-q"]) == 0
    return made


def run(command: str, code: int = 0) -> None:
    assert cli.run(command.split()) == code


def test_ranc_out_and_in(folder: Path, monkeypatch: pytest.MonkeyPatch,
                         capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    run("ranc built -o net.json")
    assert "wrote net.json and net_config.json" in capsys.readouterr().out
    assert json.loads(Path("net_config.json").read_text())["num_axons"] == 256
    run("ranc net.json -o back.safetensors")
    before, after = load_network(Path("built/program/network.safetensors")), load_network(
        Path("back.safetensors"))
    assert (after.cores.crossbar == canonical(before.cores).crossbar).all()
    assert after.cores.crossbar.any()
    run("ranc back.safetensors -o again.json")
    assert Path("again.json").read_bytes() == Path("net.json").read_bytes()


def test_what_ranc_is_not_given(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    for command, code in (("ranc built -o net.txt", "NC009"), ("ranc absent.json -o a.json", "NC009"),
                          ("ranc absent.json -o a.safetensors", "NC007"),
                          ("ranc built -o absent/net.json", "NC009")):
        run(command, 2)
        assert f"error[{code}]" in capsys.readouterr().err, command
    assert not Path("net.txt").exists()


def test_groups_to_train_again_are_written(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    run("build wide.onnx -t truenorth -o none", 1)
    assert not Path("none.groups.json").exists()
    run("build wide.onnx -t truenorth -o none --fan-in group", 1)
    out, said = capsys.readouterr()
    assert "wrote none.groups.json: with which groups to train again" in said
    assert "train it with 2 groups, of 7 to 3 channels" in out
    told = json.loads(Path("none.groups.json").read_text())
    assert told["axons"] == 256
    assert told["populations"][0]["projections"][0]["groups"] == 2
    assert not Path("none").exists()
