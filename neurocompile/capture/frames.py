"""Which line of the user's code an operator or an error comes from."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType

import torch.fx.proxy
from torch import nn
from torch.fx import Node

import neurocompile
from neurocompile.diagnostics import Location

PACKAGES = {  # what is imported -> what is installed
    **{name: name for name in ("torch", "spikingjelly", "snntorch", "norse", "sinabs", "rockpool")},
    "lava.lib.dl.slayer": "lava-dl"}
FRAMEWORKS = tuple(name.partition(".")[0] for name in PACKAGES)  # folders of their code
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


@contextmanager
def methods_located(model: nn.Module) -> Iterator[None]:
    """While it lasts, torch.export records the lines of all methods of the model's modules.

    By itself it records `forward` alone, so that what stands in a `forward_features` would be
    found at its call. Functions outside of modules stay out: they are shared by many callers.
    """
    anchors: set[tuple[str, str]] = torch.fx.proxy._STACK_TRACE_ANCHORS
    classes = {c for _, module in model.named_modules() for c in type(module).__mro__
               if c.__module__.partition(".")[0] not in FRAMEWORKS}
    more = {(code.co_filename, code.co_name) for c in classes for f in vars(c).values()
             if isinstance(f, FunctionType) for code in _codes(f.__code__)} - anchors
    anchors |= more
    try:
        yield
    finally:
        anchors -= more


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and that of the comprehensions and functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def user_frames(stack: str) -> tuple[tuple[str, int], ...]:
    """(file, line) of the frames in the user's own code, outermost first; relative paths."""
    ours = Path(neurocompile.__file__).resolve().parent
    frames = []
    for file, line in _FRAME.findall(stack):
        path = Path(file)
        if any(part in FRAMEWORKS for part in path.parts) or file.startswith("<"):
            continue
        if path.resolve().is_relative_to(ours) or "importlib" in path.parts:
            continue
        relative = os.path.relpath(path)
        frames.append((path.name if relative.startswith("..") else relative, int(line)))
    return tuple(frames)


def user_frame(stack: str) -> tuple[str | None, int | None]:
    """(file, line) of the deepest frame in the user's own code; relative to the working folder."""
    frames = user_frames(stack)
    return frames[-1] if frames else (None, None)


def module_path(node: Node) -> str:
    """The path of the module that a node of an exported program was traced in."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


def place(node: Node) -> Location:
    """Module, file and line of a node of an exported program."""
    return Location(module_path(node), *user_frame(node.meta.get("stack_trace") or ""))


def raised_at(error: BaseException) -> tuple[str | None, int | None]:
    """(file, line) of the deepest frame in the user's own code that an error passed through.

    That of a SyntaxError is the line that is no Python.
    """
    stack = traceback.format_tb(error.__traceback__)
    if isinstance(error, SyntaxError):
        stack.append(f'File "{error.filename}", line {error.lineno or 1}')
    return user_frame("".join(stack))
