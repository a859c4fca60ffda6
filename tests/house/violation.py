"""What a rule of the house yields, and the files that the rules read."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.paths import ROOT

EMISSIONS = re.compile(r"/golden/|^backends/loihi/program/")  # its bytes are a promise
FOLDERS = ("neurocompile", "passes", "backends", "tests", "benchmarks", "examples")


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file of the repository."""

    path: str  # from the root, with slashes
    text: str

    @property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.text)


@dataclass(frozen=True, slots=True)
class Violation:
    """A place that breaks a rule."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def sources() -> Iterator[Source]:
    """All Python files that git tracks but emitted ones; links once, by their real path."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", *FOLDERS]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for path in listing.splitlines():
        file = ROOT / path
        if path.endswith(".py") and not EMISSIONS.search(path) and file.is_file() and not file.is_symlink():
            yield Source(path, file.read_text(encoding="utf-8"))
