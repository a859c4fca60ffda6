"""Every broken target file ends in one finding with its key and line, exit code 2, at once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile import cli
from tests.target.broken import FAMILIES, LINES, TEXTS, finding_of, write_lines

# Keys that may be 0, and those that may be negative too. No quantity may be 10^30 or no integer.
NEGATIVE = ("synapse.weight_exponent_min",)
ZERO = (
    *NEGATIVE, "core.synapse_formats", "core.threshold_configs", "core.neuron_configs",
    "synapse.weight_exponent_max", "synapse.max_delay", "synapse.message_bits", "block_header",
    "block_index", "block_spare", "reserved_memory", "neuron.bias_exponent_max", "neuron.programs",
    "neuron.leak_max", "energy", "_time_", "static_power")
# Numbers that may be 0 alone, but not beside others of this file.
TIES = {("loihi1", f"costs.{key}") for key in (
    "synapse_energy_max", "neuron_energy_max", "hop_energy_max", "synapse_time_max",
    "neuron_time_max", "barrier_time_max")}
VALUES = {"0": "NC010", "-1": "NC010", "1" + "0" * 30: "NC010", "0x1" + "0" * 900: "NC010",
          "nan": "NC002", "inf": "NC002", "true": "NC002", '"8"': "NC002",
          "8.0": "NC002", "[8]": "NC002", "2026-01-01": "NC002"}


def _is_legal(name: str, key: str, value: str) -> bool:
    if value == "0":
        return any(part in key for part in ZERO) and (name, key) not in TIES
    return value == "-1" and key in NEGATIVE


Change = Callable[[list[str], int], object]  # of a file's lines, at that index


def _replace(old: str, new: str) -> Change:
    def change(lines: list[str], at: int) -> None:
        lines[at], count = re.subn(old, lambda _: new, lines[at], count=1)
        assert count == 1
    return change


def _value(value: str) -> Change:
    return _replace(r"value = [-\d]+", f"value = {value}")


# What is wrong with a quantity's line: code, the end of the finding's key, change.
SHAPES: dict[str, tuple[str, str, Change]] = {
    "no value": ("NC002", "", _replace(r"value = [-\d]+, ", "")),
    "no unit": ("NC002", "", _replace(r'unit = "[^"]*", ', "")),
    "number": ("NC002", "", _replace(r"\{.*", "8")),
    "array": ("NC002", "", _replace(r"\{.*", "[8]")),
    "another key": ("NC002", "", _replace(r" \}", ", valeu = 8 }")),
    "unit 3": ("NC002", ".unit", _replace(r'unit = "[^"]*"', "unit = 3")),
    "long unit": ("NC002", ".unit", _replace(r'unit = "', 'unit = "' + "x" * 41)),
    "control character": ("NC002", ".unit", _replace(r'unit = "', r'unit = "\u0007')),
    "no source": ("NC002", ".source", _replace(r'source = "[^"]*"', 'source = ""')),
    "long source": ("NC002", ".source", _replace(r'source = "', 'source = "' + "x" * 1001)),
    "bidi source": ("NC002", ".source", _replace(r'source = "', r'source = "\u202e')),
    "confidence": ("NC002", ".confidence", _replace(r'confidence = "', 'confidence = "x')),
}


QUANTITIES = [(name, key) for name in FAMILIES for key in LINES[name]]


@pytest.mark.parametrize(("name", "key"), QUANTITIES)
def test_a_number_that_no_chip_has_is_named_with_its_line(
        name: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = LINES[name][key]
    for value, code in VALUES.items():
        if _is_legal(name, key, value):
            continue
        lines = TEXTS[name].splitlines()
        _value(value)(lines, number - 1)
        finding = finding_of(capsys, "targets", write_lines(tmp_path, lines))
        assert (finding[0], finding[2]) == (code, number), (value, finding)
        end = "" if code == "NC010" else ".value"
        assert f"`{key}{end}`" in finding[1], (value, finding)
        assert "allowed: " in finding[1] or "not " in finding[1]


@pytest.mark.parametrize(("name", "key"), QUANTITIES[::4])
def test_a_quantity_of_another_shape_is_named_with_its_line(
        name: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = LINES[name][key]
    for kind, (code, end, change) in SHAPES.items():
        lines = TEXTS[name].splitlines()
        change(lines, number - 1)
        finding = finding_of(capsys, "targets", write_lines(tmp_path, lines))
        assert (finding[0], finding[2]) == (code, number), kind
        assert f"`{key}{end}`" in finding[1], kind


@pytest.mark.parametrize(("name", "key"), QUANTITIES)
def test_a_missing_or_misspelled_quantity_is_named(
        name: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, number = TEXTS[name].splitlines(), LINES[name][key]
    table = lines.index(f"[{key.rpartition('.')[0]}]") + 1
    missing = finding_of(capsys, "targets", write_lines(tmp_path, lines[:number - 1] + lines[number:]))
    assert missing == ("NC002", missing[1], table)
    assert f"missing at `{key}`" in missing[1]
    lines[number - 1] = f"x{lines[number - 1]}"
    unknown = finding_of(capsys, "targets", write_lines(tmp_path, lines))
    section, _, short = key.rpartition(".")
    assert unknown == ("NC002", unknown[1], number)
    assert f"unknown key; did you mean `{short}`? at `{section}.x{short}`" in unknown[1]


EXTENDS = 'schema = 1\nextends = "{base}"\nname = "mine"\n{rest}\n'
NUMBER = '{{ value = {value}, unit = "u", source = "by us", confidence = "assumed" }}'


def _extension(base: str, **values: int) -> str:
    rest = "\n".join(f"{key.replace('__', '.')} = {NUMBER.format(value=value)}"
                     for key, value in values.items())
    table, tables = "", []
    for line in rest.splitlines():
        section, _, entry = line.partition(" = ")[0].rpartition(".")
        tables += [f"[{section}]"] * (section != table) + [f"{entry} = {line.partition(' = ')[2]}"]
        table = section
    return EXTENDS.format(base=base, rest="\n".join(tables))


# Numbers that are sound alone and contradict another: the file, the key that is named, its line.
CONTRADICTIONS = {
    "wide grid": (_extension("loihi2", chip__grid_width=121), "chip.grid_width", 5),
    "few cores": (_extension("loihi2", chip__cores=11), "chip.grid_width", 4),
    "wide board": (_extension("truenorth", chip__board_width=2), "chip.board_width", 5),
    "too many cores": (_extension("truenorth", chip__chips=257), "chip.chips", 5),
    "most cores": (_extension("loihi1", chip__cores=65536, chip__chips=65536), "chip.chips", 6),
    "neurons": (_extension("loihi1", core__neurons=1025), "core.neurons", 5),
    "index": (_extension("loihi1", synapse__index_bits=9), "core.neurons", 1),
    "reserved": (_extension("loihi1", core__synapse_memory=64),
                 "accounting.nxtf.reserved_memory", 1),
    "energies": (_extension("loihi1", costs__synapse_energy_min=35501),
                 "costs.synapse_energy_max", 4),
    "barrier": (_extension("loihi1", costs__barrier_time_max=16_200_001),
                "costs.system_barrier_time", 4),
    "exponents": (_extension("loihi2", synapse__weight_exponent_min=6,
                             synapse__weight_exponent_max=5), "synapse.weight_exponent_max", 6),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_numbers_that_contradict_each_other_are_named(
        kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, key, line = CONTRADICTIONS[kind]
    code, message, place = finding_of(capsys, "targets", write_lines(tmp_path, [text]))
    assert (code, place) == ("NC010", line)
    assert f"`{key}` is " in message


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network's graph."""
    from neurocompile.capture.torch_model import capture

    path = tmp_path_factory.mktemp("broken") / "net.onnx"
    net = nn.Sequential(nn.Linear(4, 3), neuron.IFNode(step_mode="m"), nn.Linear(3, 2),
                        neuron.IFNode(step_mode="m"))
    path.write_bytes(capture(net, torch.rand(2, 1, 4)).to_bytes())
    return path


@pytest.mark.parametrize("command", ["check", "build"])
@pytest.mark.parametrize(("name", "key"), [
    ("loihi1", "chip.chips"), ("loihi1", "core.input_axons"), ("loihi1", "synapse.weight_bits"),
    ("loihi1", "accounting.nxtf.block_word"), ("loihi1", "neuron.state_bits"),
    ("truenorth", "chip.cores"), ("truenorth", "core.axons"), ("truenorth", "core.axon_types"),
    ("truenorth", "neuron.weight_max"), ("truenorth", "neuron.potential_bits")])
def test_no_network_is_compiled_for_a_broken_target(
        command: str, name: str, key: str, graph: Path, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    for value in ("0", "1" + "0" * 30, "nan"):
        lines = TEXTS[name].splitlines()
        _value(value)(lines, LINES[name][key] - 1)
        path = write_lines(tmp_path, lines)
        out = ["-o", str(tmp_path / "out")] if command == "build" else []
        code, message, place = finding_of(capsys, command, str(graph), "-t", path, *out)
        assert (code, place) == (VALUES[value], LINES[name][key])
        assert f"`{key}" in message
    assert [one.name for one in tmp_path.iterdir()] == ["mine.toml"]


@pytest.fixture(scope="module")
def build(graph: Path) -> Path:
    """A build for Loihi."""
    folder = graph.parent / "built"
    assert cli.run(["build", str(graph), "-t", "loihi1", "-o", str(folder), "--no-verify",
                    "--quiet"]) == 0
    return folder


@pytest.mark.parametrize(("content", "code", "line"), [
    (lambda text: re.sub(r"value = 1024\b", "value = 0", text).encode(), "NC010", 13),
    (lambda text: b"\xff" + text.encode(), "NC002", 1)])
def test_the_target_of_a_build_is_read_the_same_way(
        content: Callable[[str], bytes], code: str, line: int, build: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    path, manifest_path = build / "target.toml", build / "manifest.json"
    text, manifest = path.read_text(), manifest_path.read_text()
    path.write_bytes(content(text))
    data = json.loads(manifest)
    data["files"]["target.toml"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest_path.write_text(json.dumps(data))
    try:
        finding = finding_of(capsys, "verify", str(build))
    finally:
        path.write_text(text)
        manifest_path.write_text(manifest)
    assert (finding[0], finding[2]) == (code, line)
