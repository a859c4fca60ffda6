"""What belongs to one family of chips stands in its rooms; nobody else asks whose a thing is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.violation import Source, Violation

ROOMS = re.compile(r"(^|/)(loihi|truenorth)(_\w+)?(/|\.py$)")  # folders and files named after one
CHIPS = re.compile(r"Loihi|TrueNorth|Crossbar")
NEUTRAL = ("neurocompile/ir/", "backends/synchronous/", "passes/placing/", "passes/legality/",
           "passes/lowering/", "passes/pruning/", "neurocompile/report/")


def chip_types(source: Source) -> Iterator[Violation]:
    """`isinstance` on a type of one family, and neutral rooms that import one."""
    if ROOMS.search(source.path) or source.path.startswith(("tests/", "benchmarks/")):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and (
                node.func.id in ("isinstance", "issubclass")) and CHIPS.search(
                    ast.unparse(node.args[1])):
            yield Violation(source.path, node.lineno,
                            f"`{ast.unparse(node)}` asks whose it is: the family knows")
        if source.path.startswith(NEUTRAL) and isinstance(node, ast.ImportFrom) and (
                re.search(r"\.(loihi|truenorth)(_\w+)?(\.|$)", node.module or "")):
            yield Violation(source.path, node.lineno, f"`{node.module}` in a neutral room")
