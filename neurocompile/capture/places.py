"""Where in the user's own code a traced operation comes from."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import neurocompile
from neurocompile.diagnostics import Location

FRAMEWORKS = ("torch", "spikingjelly", "snntorch")
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


def user_frames(stack: str) -> tuple[tuple[str, int], ...]:
    """(file, line) of the frames in the user's own code, outermost first; relative paths."""
    ours = Path(neurocompile.__file__).resolve().parent
    found = []
    for file, line in _FRAME.findall(stack):
        path = Path(file)
        if any(part in FRAMEWORKS for part in path.parts) or file.startswith("<"):
            continue
        if path.resolve().is_relative_to(ours) or "importlib" in path.parts:
            continue
        relative = os.path.relpath(path)
        found.append((path.name if relative.startswith("..") else relative, int(line)))
    return tuple(found)


def user_frame(stack: str) -> tuple[str | None, int | None]:
    """(file, line) of the deepest frame in the user's own code."""
    frames = user_frames(stack)
    return frames[-1] if frames else (None, None)


def module_path(node: Any) -> str:
    """The path of the module that a node of an exported program was traced in."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


def place(node: Any) -> Location:
    """Module, file and line of a node of an exported program."""
    return Location(module_path(node), *user_frame(node.meta.get("stack_trace") or ""))
