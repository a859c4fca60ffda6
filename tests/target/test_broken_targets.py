"""Every broken target file ends in one finding with its key and line, exit code 2, at once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile import cli
from tests.paths import TARGETS

FAMILIES = ("loihi1", "truenorth")
SECONDS = 2.0
TEXTS = {name: (TARGETS / f"{name}.toml").read_text() for name in FAMILIES}
ENTRY = re.compile(r"(\w+) = \{ value = ([-\d]+), .*\}")


def _lines(name: str) -> dict[str, int]:
    """The line of every quantity of a target that ships, by key."""
    lines, table = {}, ""
    for number, line in enumerate(TEXTS[name].splitlines(), 1):
        match = ENTRY.fullmatch(line)
        if match:
            lines[f"{table}.{match[1]}"] = number
        elif line.startswith("["):
            table = line.strip("[]")
    return lines


LINES = {name: _lines(name) for name in FAMILIES}

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


def _run(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[str, str, int | None]:
    """Code, message and line of the one finding that a command ends with."""
    start, handler = time.process_time(), signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        cli.main(command)
    seconds = time.process_time() - start
    signal.signal(signal.SIGTERM, handler)
    out, err = capsys.readouterr()
    findings = re.findall(r"^error\[(NC\d+)\]: (.*)$", out + err, re.MULTILINE)
    assert (end.value.code, len(findings), "Traceback" in err) == (2, 1, False), out + err
    assert seconds < SECONDS
    place = re.search(r"--> .*:(\d+)$", out + err, re.MULTILINE)
    return *findings[0], None if place is None else int(place[1])


def _write(folder: Path, lines: list[str]) -> str:
    path = folder / "mine.toml"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


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
        finding = _run(capsys, "targets", _write(tmp_path, lines))
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
        finding = _run(capsys, "targets", _write(tmp_path, lines))
        assert (finding[0], finding[2]) == (code, number), kind
        assert f"`{key}{end}`" in finding[1], kind


@pytest.mark.parametrize(("name", "key"), QUANTITIES)
def test_a_missing_or_misspelled_quantity_is_named(
        name: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, number = TEXTS[name].splitlines(), LINES[name][key]
    table = lines.index(f"[{key.rpartition('.')[0]}]") + 1
    missing = _run(capsys, "targets", _write(tmp_path, lines[:number - 1] + lines[number:]))
    assert missing == ("NC002", missing[1], table)
    assert f"missing at `{key}`" in missing[1]
    lines[number - 1] = f"x{lines[number - 1]}"
    unknown = _run(capsys, "targets", _write(tmp_path, lines))
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
    code, message, place = _run(capsys, "targets", _write(tmp_path, [text]))
    assert (code, place) == ("NC010", line)
    assert f"`{key}` is " in message


def _edit(old: str, new: str, name: str = "loihi1") -> bytes:
    assert old in TEXTS[name]
    return TEXTS[name].replace(old, new, 1).encode()


HEAD = 'schema = 1\nname = "mine"\nfamily = "loihi2"\ndescription = "mine"\n'
# Whole files: the bytes, the finding's key, its line.
FILES: dict[str, tuple[bytes, str, int]] = {
    "empty": (b"", "schema", 1),
    "blank": (b"\n\n", "schema", 1),
    "not UTF-8": (_edit('name = "loihi1"', 'name = "@"').replace(b"@", b"\xff"), "(file)", 3),
    "UTF-16": (TEXTS["loihi1"].encode("utf-16"), "(file)", 1),
    "byte order mark": (b"\xef\xbb\xbf" + TEXTS["loihi1"].encode(), "(file)", 1),
    "NUL": (_edit('name = "', 'name = "\0'), "(file)", 3),
    "bell": (_edit('name = "', 'name = "\7'), "(file)", 3),
    "binary": (b"\x7fELF\x02\x01\x01" + bytes(100), "(file)", 1),
    "duplicate key": (_edit("[core]", "[core]\nneurons = 1"), "(file)", 15),
    "duplicate table": (_edit("[core]", "[chip]"), "(file)", 13),
    "no end": (_edit('family = "loihi1"', "family = [1"), "(file)", 5),
    "no value": (_edit("schema = 1", "schema = "), "(file)", 2),
    "deep arrays": (_edit("schema = 1", "schema = " + "[" * 100_000), "(file)", 2),
    "deep tables": (_edit("schema = 1", "schema = " + "{a=" * 50_000), "(file)", 2),
    "deep key": (_edit("schema = 1", "schema" + ".a" * 100_000 + " = 1"), "(file)", 2),
    "deep header": (_edit("[core]", "[core" + ".a" * 100_000 + "]"), "(file)", 13),
    "many digits": (_edit("schema = 1", "schema = 1" + "0" * 100_000), "(file)", 2),
    "long file": (TEXTS["loihi1"].encode() + b"#" * (1 << 18), "(file)", 0),
    "no schema": (_edit("schema = 1\n", ""), "schema", 1),
    "schema 2": (_edit("schema = 1", "schema = 2"), "schema", 2),
    "schema true": (_edit("schema = 1", "schema = true"), "schema", 2),
    "schema 1.0": (_edit("schema = 1", "schema = 1.0"), "schema", 2),
    "no name": (_edit('name = "loihi1"\n', ""), "name", 1),
    "empty name": (_edit('name = "loihi1"', 'name = ""'), "name", 3),
    "long name": (_edit('name = "', 'name = "' + "x" * 101), "name", 3),
    "name with a line break": (_edit('name = "', r'name = "\n'), "name", 3),
    "name with an escape": (_edit('name = "', r'name = "\u001b[31m'), "name", 3),
    "number as name": (_edit('name = "loihi1"', "name = 1"), "name", 3),
    "array as name": (_edit('name = "loihi1"', "name = [1]"), "name", 3),
    "empty description": (_edit("description = ", 'description = "" #'), "description", 5),
    "long description": (_edit('description = "', 'description = "' + "x" * 1001),
                         "description", 5),
    "unknown family": (_edit('family = "loihi1"', 'family = "loihi9"'), "family", 4),
    "table as family": (_edit('family = "loihi1"', 'family = { name = "loihi1" }'), "family", 4),
    "another's family": (_edit('family = "loihi1"', 'family = "truenorth"'), "synapse", 22),
    "unknown key": (_edit("schema = 1", "schema = 1\nshcema = 1"), "shcema", 3),
    "key with a line break": (_edit("schema = 1", 'schema = 1\n"a\\nb" = 1'), r"a\nb", 3),
    "long key": (_edit("schema = 1", "schema = 1\n" + "x" * 10_000 + " = 1"), "x" * 77 + "...", 3),
    "unknown table": (_edit("[core]", "[mine]\na = 1\n[core]"), "mine", 13),
    "number as table": (f"{HEAD}chip = 3\n".encode(), "chip", 5),
    "array as table": (f"{HEAD}[[chip]]\n".encode(), "chip", 5),
    "no table": (HEAD.encode(), "chip.cores", 1),
    "odd accounting": (_edit("[core]", "[accounting]\n'a b' = 1\n[core]"), "accounting.a b", 14),
    "number as accounting": (_edit("[core]", "[accounting]\nmine = 1\n[core]"),
                             "accounting.mine", 14),
    "extends itself": (b'schema = 1\nextends = "mine"\nname = "mine"\n', "extends", 2),
    "extends a path": (b'schema = 1\nextends = "mine.toml"\n', "extends", 2),
    "extends up": (b'schema = 1\nextends = "../targets/loihi2"\n', "extends", 2),
    "extends nothing": (b'schema = 1\nextends = ""\n', "extends", 2),
    "extends an array": (b'schema = 1\nextends = ["loihi2"]\n', "extends", 2),
    "extends a table": (b'schema = 1\n[extends]\nname = "loihi2"\n', "extends", 2),
    "extends with a number": (b'schema = 1\nextends = "loihi2"\nname = "m"\nchip = 3\n', "chip", 4),
    "extends with another's table": (
        b'schema = 1\nextends = "loihi2"\nname = "m"\n[core]\naxons = 3\n', "core.axons", 5),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_target_is_named_with_its_line(
        kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, key, line = FILES[kind]
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    code, message, place = _run(capsys, "targets", str(path))
    assert (code, place) == ("NC002", line or None)
    assert f"at `{key}`" in message


def _memory(path: Path) -> None:
    path.symlink_to("/proc/self/mem")  # a regular file that cannot be read at its start


PATHS: dict[str, tuple[str, Callable[[Path], object], str, str]] = {
    "directory": ("mine.toml", Path.mkdir, "NC002", "it is a directory"),
    "pipe": ("mine.toml", os.mkfifo, "NC002", "it is a device, pipe or socket"),
    "device": ("mine.toml", lambda p: p.symlink_to("/dev/zero"), "NC002", "it is a device"),
    "unreadable": ("mine.toml", _memory, "NC002", "Input/output error"),
    "nothing": ("mine.toml", lambda p: None, "NC001", "mine.toml"),
    "link to itself": ("mine.toml", lambda p: p.symlink_to(p), "NC001", "mine.toml"),
    "file as folder": ("mine/x.toml", lambda p: p.parent.write_text(""), "NC001", "x.toml"),
    "NUL": ("mi\0ne.toml", lambda p: None, "NC001", r"mi\x00ne.toml"),
    "long": ("x" * 5000 + ".toml", lambda p: None, "NC001", "xxx.toml"),
    "line break": ("a\n\x1b[31m.toml", lambda p: p.write_text(""), "NC002", r"a\n\x1b[31m.toml"),
    "not UTF-8": ("\udcff.toml", lambda p: p.write_text(""), "NC002", r"\udcff.toml"),
    "spaces": ("  .toml", lambda p: p.write_text(""), "NC002", "  .toml"),
}


@pytest.mark.parametrize("kind", PATHS)
def test_a_path_that_is_no_file_is_named(
        kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, make, code, reason = PATHS[kind]
    make(tmp_path / name)
    finding = _run(capsys, "targets", f"{tmp_path}/{name}")
    assert finding[0] == code
    assert reason in finding[1]


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
        path = _write(tmp_path, lines)
        out = ["-o", str(tmp_path / "out")] if command == "build" else []
        code, message, place = _run(capsys, command, str(graph), "-t", path, *out)
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
        finding = _run(capsys, "verify", str(build))
    finally:
        path.write_text(text)
        manifest_path.write_text(manifest)
    assert (finding[0], finding[2]) == (code, line)
