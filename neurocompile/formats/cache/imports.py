"""Whether a user's module computes from its files alone: told by what its source names.

It may import what is known to give the same in every run (`PURE`, `FRAMEWORKS`) and other modules
of the user's, which are looked at as well. Files that these read are witnessed; what no witness sees
(whether a file exists, the time, random numbers) takes another import, or one of `LOOPHOLES`.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

PURE = frozenset((
    "__future__", "abc", "collections", "contextlib", "copy", "dataclasses", "enum", "functools",
    "itertools", "logging", "math", "numbers", "operator", "string", "typing",
    "typing_extensions", "types", "warnings"))
FRAMEWORKS = frozenset((
    "einops", "lava", "neurocompile", "norse", "numpy", "rockpool", "sinabs", "snntorch",
    "spikingjelly", "torch", "torchvision"))
LOOPHOLES = frozenset((
    "__import__", "__loader__", "__spec__", "breakpoint", "compile", "datetime64", "eval", "exec",
    "from_file", "globals", "hash", "hub", "id", "input", "jit", "load_library", "memmap",
    "cpp_extension"))


def impurities(source: str, own: Collection[str]) -> Iterator[str]:
    """What in a module's source may give another result in another run.

    `own`: the user's own top-level modules. Raises SyntaxError for what is no Python.
    """
    for node in ast.walk(ast.parse(source)):
        for name in _imports(node):
            top = name.partition(".")[0]
            if top not in PURE and top not in FRAMEWORKS and top not in own:
                yield f"imports {name}"
        for name in _names(node):
            if name in LOOPHOLES:
                yield f"uses `{name}`"


def _imports(node: ast.AST) -> Iterator[str]:
    """Names of modules; what is relative is the user's."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield node.module or ""


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (part for alias in node.names for part in alias.name.split("."))
        if isinstance(node, ast.ImportFrom):
            yield from (node.module or "").split(".")
