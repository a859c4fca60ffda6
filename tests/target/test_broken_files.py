"""Files and paths that are no targets end in one finding with its key and line, exit code 2."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.target.broken import TEXTS, finding_of


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
    code, message, place = finding_of(capsys, "targets", str(path))
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
    finding = finding_of(capsys, "targets", f"{tmp_path}/{name}")
    assert finding[0] == code
    assert reason in finding[1]
