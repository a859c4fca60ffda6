"""Options, entries and requests are made with keywords, never by position."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.violation import Source, Violation

KINDS = re.compile(r"(Options|ModelEntry|Request|Compilation)$")


def by_position(source: Source) -> Iterator[Violation]:
    """Every call of such a type with a positional argument."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else (
            node.func.id if isinstance(node.func, ast.Name) else "")
        if KINDS.search(name) and name[:1].isupper():
            yield Violation(source.path, node.lineno, f"`{name}` takes keywords only")
