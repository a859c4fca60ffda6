"""A function has at most 50 lines, a file at most 350."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.violation import Source, Violation

FUNCTION, FILE = 50, 350  # lines


def too_long(source: Source) -> Iterator[Violation]:
    """Every function and file beyond its limit."""
    lines = source.text.count("\n")
    if lines > FILE:
        yield Violation(source.path, 1, f"{lines} lines; a file has at most {FILE}")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            size = node.end_lineno - node.lineno + 1
            if size > FUNCTION:
                yield Violation(source.path, node.lineno,
                                f"`{node.name}` has {size} lines; a function at most {FUNCTION}")
