"""A family of chips with an option and a report section of its own, without touching the package.

The toy family of `tests/families/toy` goes into the table of families; then it is checked, built,
reported and verified on the command line, and what it declares once appears everywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

import neurocompile
from neurocompile.builds.files import schemas
from neurocompile.cli import run
from neurocompile.config import load_config
from neurocompile.config.schema import configuration_schema
from neurocompile.families.table import FAMILIES, declared_options
from neurocompile.formats.samples import load_sample
from tests.families.toy.family import PROGRAM, Toy, ToyOptions

TARGET = Path(__file__).with_name("toy") / "toy.toml"


class Net(nn.Module):
    """Two layers of integrate-and-fire neurons over 6 ticks of spikes [6, batch, 5]."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(
            nn.Linear(5, 12, bias=False), neuron.IFNode(step_mode="m"),
            nn.Linear(12, 4, bias=False), neuron.IFNode(step_mode="m"))
        with torch.no_grad():
            for layer in self.layers:
                if isinstance(layer, nn.Linear):
                    layer.weight.abs_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.layers(x).mean(0))


def frames(samples: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return (torch.rand(6, samples, 5, generator=generator) < 0.5).float()


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The captured network, as a graph."""
    path = tmp_path_factory.mktemp("toy") / "net.onnx"
    neurocompile.export(Net().eval(), frames(4), path)
    return path


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch, net: Path) -> Iterator[None]:
    """The table of families, with the toy in it; in a folder with the network."""
    monkeypatch.setitem(FAMILIES, "toy", Toy())
    monkeypatch.chdir(net.parent)
    yield
    (net.parent / "neurocompile.toml").unlink(missing_ok=True)


def command(capsys: pytest.CaptureFixture[str], line: str, code: int = 0) -> str:
    """What a command prints on both streams; it exits with `code`."""
    assert run([*line.split(), "--debug"]) == code, capsys.readouterr()
    streams = capsys.readouterr()
    return streams.out + streams.err


def test_from_check_to_verify(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check = command(capsys, f"check net.onnx -t {TARGET} --full")
    assert "toy: fits" in check
    assert "would use 3 of 6 cores" in check
    build = command(capsys, f"build net.onnx -t {TARGET} -o built --sparkle much")
    assert "program/ runs on a sheet of paper" in build
    assert json.loads((net.parent / "built/program" / PROGRAM).read_text())["sparkle"] == "much"
    verify = json.loads(command(capsys, "verify built --samples 5 --format json"))
    assert (verify["samples"], verify["differences"]) == (5, 0)
    assert all(one["spikes"] > 5 for one in verify["populations"])
    program = net.parent / "built/program" / PROGRAM
    program.write_text(program.read_text().replace('"threshold": 1024', '"threshold": 1023'))
    assert "NC704" in command(capsys, "verify built", 2)


def test_its_section_stands_in_every_report(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(capsys, f"build net.onnx -t {TARGET} -o shown --sparkle some --no-verify")
    text = command(capsys, "report shown")
    assert "sparkle       sparkles `some` with 3 lamps" in text
    assert text.index("cores (*") < text.index("sparkles `some`") < text.index("readouts  ")
    page = command(capsys, "report shown --format html")
    assert "sparkles <code>some</code> with 3 lamps" in page
    assert page.count("lamp ") >= 3
    document = json.loads(command(capsys, "report shown --format json"))
    keys = [section["key"] for section in document["sections"]]
    assert keys.index("sparkle") == keys.index("cores") + 1
    resources = json.loads((net.parent / "shown/resources.json").read_text())
    assert resources["sections"]["sparkle"] == {"sparkle": "some", "lamps": 3}
    jsonschema.validate(resources, schemas()["resources-2.json"])


def test_its_option_is_everywhere(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    option, = (one for one in declared_options() if one.name == "sparkle")
    for name in ("check", "build"):
        text = re.sub(r"\s+", " ", command(capsys, f"{name} --help"))
        assert f"--sparkle [none|some|much] {option.help}" in text
    command(capsys, f"build net.onnx -t {TARGET} -o told --sparkle some --no-verify")
    manifest = json.loads((net.parent / "told/manifest.json").read_text())
    assert manifest["options"]["sparkle"] == "some"
    assert "NC009" in command(capsys, f"build net.onnx -t {TARGET} --sparkle more", 2)
    assert "one of none, some, much" in command(
        capsys, f"check net.onnx -t {TARGET} --sparkle more", 2)
    (net.parent / "neurocompile.toml").write_text(
        f'[models.net]\nentry = "a:b"\nweights = "net.onnx"\nsparkle = "much"\n'
        f'targets = "{TARGET}"\n')
    config = load_config()
    assert config.models[0].options == {"sparkle": "much"}
    keys = configuration_schema()["properties"]["models"]["additionalProperties"]["properties"]
    assert keys["sparkle"]["enum"] == ["none", "some", "much"]
    (net.parent / "neurocompile.toml").write_text('[models.net]\nentry = "a:b"\nsparkle = "more"\n')
    assert "NC002" in command(capsys, f"check net.onnx -t {TARGET}", 2)


def test_its_option_is_a_keyword(net: Path, tmp_path: Path) -> None:
    verdict = neurocompile.check(net, target=str(TARGET), sparkle="much", max_cores=3)
    assert isinstance(verdict.compilation, object)
    assert verdict.compilation is not None
    options = verdict.compilation.options
    assert isinstance(options, ToyOptions)
    assert (options.sparkle, options.max_cores, options.weight_bits) == ("much", 3, 8)
    result = neurocompile.build(net, tmp_path / "b", target=str(TARGET), sparkle="some")
    assert result.verification is not None
    assert result.verification.differences == 0
    with pytest.raises(neurocompile.UsageError, match="NC009"):
        neurocompile.check(net, target=str(TARGET), sparkle="more")
    over = neurocompile.check(net, target=str(TARGET), max_cores=2)
    assert [one.code for one in over.diagnostics] == ["NC411"]


def test_options_of_others_are_said_to_have_no_effect(capsys: pytest.CaptureFixture[str]) -> None:
    text = command(capsys, f"check net.onnx -t {TARGET} --full --fan-in exact-slow")
    assert "warning[NC013]: `--fan-in` has no effect on toy; it is for truenorth" in text
    text = command(capsys, "check net.onnx -t loihi2 --full --sparkle much")
    assert "warning[NC013]: `--sparkle` has no effect on loihi2; it is for toy" in text


def test_its_target_is_read_with_its_ranges(tmp_path: Path, capsys: pytest.CaptureFixture[str]
                                            ) -> None:
    assert "neurons" in command(capsys, f"targets {TARGET}")
    out_of_range = tmp_path / "broken.toml"
    out_of_range.write_text(TARGET.read_text().replace("neurons = { value = 8,", "neurons = { value = 0,"))
    text = command(capsys, f"targets {out_of_range}", 2)
    assert "NC010" in text
    assert f"{out_of_range}:14" in text
    small = tmp_path / "small.toml"
    small.write_text(TARGET.read_text().replace("neurons = { value = 8,", "neurons = { value = 2,"))
    assert "NC501" in command(capsys, f"check net.onnx -t {small} --full", 1)


def test_a_sample_is_measured(net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    path = tmp_path / "s.npz"
    np.savez(path, x=frames(8).movedim(1, 0).numpy())
    assert len(load_sample(path)) == 8
    text = command(capsys, f"build net.onnx -t {TARGET} -o measured --sample {path}")
    assert "at measured rates" in text
