"""The table of formats: what it says is what is read, hinted at, written, listed and documented."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from neurocompile.commands.doctor import uses
from neurocompile.diagnostics import UsageError
from neurocompile.formats.load import load_model
from neurocompile.formats.request import Request
from neurocompile.formats.table import (
    FOREIGN,
    FORMATS,
    all_formats,
    format_of,
    format_options,
    readable,
    writable,
)
from tests.paths import ROOT


def _refusal(spec: str) -> str:
    with pytest.raises(UsageError) as error:
        load_model(Request(spec=spec))
    return str(error.value)


@pytest.mark.parametrize("suffix", readable())
def test_near_misses_know_every_suffix(suffix: str, tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"network{suffix}").write_text("x")
    (tmp_path / f"netwrok{suffix}.txt").write_text("x")
    (tmp_path / "below").mkdir()
    for folder, name in (("", f"netwrok{suffix}"), ("", f"network{suffix}x"),
                         (f"../{tmp_path.name}/", f"netwrok{suffix}")):
        assert f"did you mean `{folder}network{suffix}`?" in _refusal(folder + name)
    assert "did you mean" not in _refusal("something/else.entirely")


@pytest.mark.parametrize("spec", ["x" * 5000, "a\0b.onnx", "", "x" * 300 + ".onnx", "a/b/c.onnx"])
def test_what_is_no_path_is_not_there(spec: str, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert re.match(r"NC00[37]", _refusal(spec))


@pytest.mark.parametrize("suffix", readable())
def test_a_broken_file_of_every_suffix_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"this is no model")
    assert re.match(r"NC003|NC004", _refusal(str(path)))


@pytest.mark.parametrize("suffix", [*FOREIGN, ".xyz", ""])
def test_what_is_not_read_is_named(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_text("x")
    text = _refusal(str(path))
    assert text.startswith("NC109")
    assert FOREIGN.get(suffix, f"a `{suffix}` file") in text


def test_suffixes_belong_to_one_format() -> None:
    assert {suffix: one.name for one in all_formats() for suffix in one.suffixes} == {
        suffix: one.name for suffix, one in FORMATS.items()}
    assert not FOREIGN.keys() & FORMATS.keys()
    assert format_of(Path("x.pth")) is format_of(Path("x.safetensors"))
    assert set(writable()) == {".onnx", ".nir", ".net"}
    assert [one.name for one in all_formats() if not one.captures] == ["onnx"]


def test_doctor_lists_their_packages() -> None:
    cores = {use.package: use.core for use in uses()}
    for one in all_formats():
        for package in one.packages:
            assert cores[package.name] == package.core
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    dependencies = {re.split(r"[<>=]", text)[0] for text in project["dependencies"]}
    assert {name for name, core in cores.items() if core} <= dependencies


def test_the_documentation_is_the_table() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]]
            for line in (ROOT / "docs/formats.md").read_text().splitlines()
            if line.startswith("| `.")]
    assert rows == [[" ".join(f"`{suffix}`" for suffix in one.suffixes), one.summary,
                     one.writer.summary if one.writer else "", "yes" if one.captures else "no",
                     " ".join(f"`{option.flag}`" for option in one.declarations())]
                    for one in all_formats()]
    assert len(format_options()) == sum(row[-1].count("--") for row in rows) > 0
