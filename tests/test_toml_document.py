"""The line of every key, whatever way a TOML file writes it; what no parser should be given."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from neurocompile.diagnostics import UsageError
from neurocompile.toml_document import MAX_BYTES, TomlDocument, key_lines, parse_toml, read_toml
from tests.paths import TARGETS

TEXT = r'''# a comment with [brackets] and key = "value"
one = 1
"quoted key" = "a # in a string"  # two = 3
[table]  # a = 1
a.b.c = 1.5
d = { e = 1, f = { "g\"h" = [1, 2, { i = 3 }], j = "}" }, k.l = 2 }
e = """
[not.a.table]
f = 1 \""" ""\
"""
g = [ # [
  1, 2,
  [3, "]"],
]
h = 1979-05-27 07:32:00
[table.'sub table']
i = '''+"'''\n[neither]\n''''"+r'''
[[array]]
j = 1
[[array]]
k = 2
'''
LINES = {
    "one": 2, "quoted key": 3, "table": 4, "table/a": 5, "table/a/b": 5, "table/a/b/c": 5,
    "table/d": 6, "table/d/e": 6, "table/d/f": 6, 'table/d/f/g"h': 6, 'table/d/f/g"h/i': 6,
    "table/d/f/j": 6, "table/d/k": 6, "table/d/k/l": 6, "table/e": 7, "table/g": 11, "table/h": 15,
    "table/sub table": 16, "table/sub table/i": 17, "array": 20, "array/j": 21, "array/k": 23,
}


def test_every_key_has_its_line() -> None:
    tomllib.loads(TEXT)
    assert {"/".join(key): line for key, line in key_lines(TEXT).items()} == LINES


@pytest.mark.parametrize("path", sorted(TARGETS.glob("*.toml")), ids=lambda p: p.stem)
def test_lines_of_the_targets_that_ship(path: Path) -> None:
    text, table, lines = path.read_text(), "", {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("["):
            table = line.strip("[]") + "."
            lines[table[:-1]] = number
        elif " = {" in line:
            name = table + line.split(" = ")[0]
            lines |= dict.fromkeys([name, *(f"{name}.{part}" for part in (
                "value", "unit", "source", "confidence"))], number)
        elif " = " in line:
            lines[line.split(" = ")[0]] = number
    lines.setdefault("accounting", lines.get("accounting.nengo-loihi")
                     or lines.get("accounting.modeled") or 0)
    if not lines["accounting"]:
        del lines["accounting"]
    assert {".".join(key): line for key, line in key_lines(text).items()} == lines
    assert len(lines) > 10


def test_a_key_that_is_not_there_has_the_line_of_its_table() -> None:
    document = parse_toml("a = 1\n[b.c]\nd = 2\n", "t.toml")
    assert [document.line(key) for key in (
        ("b", "c", "e"), ("b", "c", "e", "f"), ("b", "e"), ("e",), ("b", "c", "d", "e"))] == [
        2, 2, 2, 1, 3]


@pytest.mark.parametrize(("text", "reason", "line"), [
    ("a = 1\nb = = 2\n", "Invalid value", 2),
    ("a = 1\na = 2\n", "Cannot overwrite", 2),
    ("a = 1\n\nb = [1,\n", "at end of document", 4),
    ("\ufeffa = 1\n", "byte order mark", 1),
    ("a = 1\nb = \0\n", "Invalid", 2),
    ("a = 1\nb = " + "[" * 100_000, "in each other", 2),
    ("a = 1\n\nb = " + "{b = " * 40_000, "in each other", 3),
    ("a" + ".a" * 100_000 + " = 1", "in each other", 1),
    ("[a" + ".a" * 100_000 + "]", "in each other", 1),
    ("a = 1\nb = 1" + "0" * 100_000, "digits", 2),
    ("a = 1\nb = -0x" + "f" * 100_000, "digits", 2),
    ('a = 1\nb = """' + '\\"""' * 50_000, "", 2),
], ids=lambda x: repr(x)[:24])
def test_what_is_no_toml_has_a_line(text: str, reason: str, line: int) -> None:
    with pytest.raises(UsageError) as error:
        parse_toml(text, "t.toml")
    finding, = error.value.diagnostics
    assert (finding.code, finding.values["key"]) == ("NC002", "(file)")
    assert reason in finding.message
    assert finding.where.line == line


def test_long_strings_and_deep_tables_within_the_limits_are_read() -> None:
    deep = "a = " + "[" * 32 + "]" * 32
    text = f'{deep}\nb = "{"." * 200_000}"\nc = """{"[" * 200_000}"""\n# {"[" * 100}\n'
    assert parse_toml(text, "t.toml").data["b"] == "." * 200_000
    with pytest.raises(UsageError):
        parse_toml("a = " + "[" * 33 + "]" * 33, "t.toml")


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text("#" * (MAX_BYTES - 1) + "\n")
    assert len(read_toml(path)) == MAX_BYTES
    path.write_text("#" * MAX_BYTES + "\n")
    with pytest.raises(UsageError) as error:
        read_toml(path)
    assert "longer than 262,144 B" in error.value.diagnostics[0].message


def test_a_finding_names_file_line_and_key() -> None:
    document = TomlDocument("t.toml", "a = 1\n[b]\nc = 2\n", {})
    finding, = document.bad(("b", "c"), "wrong").diagnostics
    assert (finding.message, str(finding.where)) == ("`t.toml`: wrong at `b.c`", "t.toml:3")
