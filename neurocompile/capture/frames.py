"""Which line of the user's code an operator or an error comes from, and the calls that led there."""

from __future__ import annotations

import functools
import os
import re
import site
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

import torch.fx.proxy
from torch.fx import Node

import neurocompile
from neurocompile.diagnostics import Call, Location

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_SITE = frozenset({"site-packages", "dist-packages"})  # folders of installed packages, by name
_OURS = tuple(str(folder) + os.sep for folder in (
    Path(neurocompile.__file__).parent, *(
        (Path(neurocompile.__file__).parent / name).resolve()
        for name in (".", "passes", "backends", "targets"))))


class _UserCode(set[tuple[str, str]]):
    """(file, function) of torch's own anchors, and of all code of the user's but some callers."""

    def __init__(self, anchors: set[tuple[str, str]], callers: frozenset[tuple[str, str]]) -> None:
        super().__init__(anchors)
        self.callers = callers

    def __contains__(self, frame: object) -> bool:
        if super().__contains__(frame):
            return True
        return (isinstance(frame, tuple) and frame not in self.callers
                and is_user_code(str(frame[0])))


@contextmanager
def lines_recorded() -> Iterator[None]:
    """While it lasts, torch.export records the lines of all functions of the user's code.

    By itself it records those named `forward` alone, so that what stands in a `forward_features`,
    in a helper or in a method that was put on an instance would be found at its call. The functions
    that called for the export stay out.
    """
    anchors: set[tuple[str, str]] = torch.fx.proxy._STACK_TRACE_ANCHORS
    callers = frozenset((frame.f_code.co_filename, frame.f_code.co_name)
                        for frame, _ in traceback.walk_stack(None))
    torch.fx.proxy._STACK_TRACE_ANCHORS = _UserCode(anchors, callers)
    try:
        yield
    finally:
        torch.fx.proxy._STACK_TRACE_ANCHORS = anchors


@functools.lru_cache(maxsize=4096)
def is_user_code(file: str) -> bool:
    """Whether a file is neither Python's, nor an installed package's, nor ours, by where it lies."""
    if file.startswith("<") or not _SITE.isdisjoint(PurePath(file).parts):
        return False
    absolute = os.path.abspath(file)
    if absolute.startswith(_OURS) or os.path.realpath(file).startswith(_OURS):
        return False
    python = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"),
              *site.getsitepackages(), site.getusersitepackages())
    if any(PurePath(absolute).is_relative_to(folder) for folder in python):
        return False
    return not any(_is_installed_in(folder, absolute) for folder in sys.path)


def _is_installed_in(folder: str, file: str) -> bool:
    """Whether a file belongs to a package that pip put into a folder (`pip install --target`)."""
    path, root = PurePath(file), PurePath(os.path.abspath(folder))
    return path.is_relative_to(root) and path.relative_to(root).parts[0] in _packages(str(root))


@functools.lru_cache(maxsize=256)
def _packages(folder: str) -> frozenset[str]:
    """The names in a folder that pip recorded there."""
    return frozenset(line.partition("/")[0] for record in Path(folder).glob("*.dist-info/RECORD")
                     for line in record.read_text("utf-8", errors="replace").splitlines())


def user_frames(stack: str) -> tuple[Call, ...]:
    """The lines of the user's own code in a stack, outermost first; relative paths."""
    frames = []
    for file, line in _FRAME.findall(stack):
        if is_user_code(file):
            relative = os.path.relpath(file)
            name = PurePath(file).name if relative.startswith("..") else relative
            frames.append(Call(name, int(line)))
    return tuple(reversed(dict.fromkeys(reversed(frames))))  # of recursion the last round


def location_of(stack: str, module: str = "") -> Location:
    """The deepest line of the user's own code in a stack, and what called it."""
    frames = user_frames(stack)
    if not frames:
        return Location(module)
    *callers, last = frames
    return Location(module, last.file, last.line, tuple(reversed(callers)))


def module_path(node: Node) -> str:
    """The path of the module that a node of an exported program was traced in."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


def place(node: Node) -> Location:
    """Module, file and line of a node of an exported program."""
    return location_of(node.meta.get("stack_trace") or "", module_path(node))


def raised_at(error: BaseException, module: str = "") -> Location:
    """The deepest line of the user's own code that an error passed through, and what called it.

    That of a SyntaxError is the line that is no Python.
    """
    stack = traceback.format_tb(error.__traceback__)
    if isinstance(error, SyntaxError):
        stack.append(f'File "{error.filename}", line {error.lineno or 1}')
    return location_of("".join(stack), module)
