"""Broken target files: the sound ones that they are made of, and what a command ends with."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

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


def finding_of(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[str, str, int | None]:
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


def write_lines(folder: Path, lines: list[str]) -> str:
    path = folder / "mine.toml"
    path.write_text("\n".join(lines) + "\n")
    return str(path)
