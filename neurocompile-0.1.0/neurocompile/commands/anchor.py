"""Where a finding without a line of source points: where the project names the model."""

from __future__ import annotations

import os
import re
from pathlib import Path

from neurocompile.config import Config
from neurocompile.diagnostics import Location


def anchor(config: Config, model: str) -> Location:
    """The configuration's line that names a model, else its first; without one, the model's file."""
    if config.path is not None:
        return Location(file=os.path.relpath(config.path), line=_line(config.path, model))
    for name in (model, f"{model.partition(':')[0].replace('.', '/')}.py"):
        if Path(name).is_file():
            return Location(file=os.path.relpath(name), line=1)
    return Location(file="neurocompile.toml", line=1)


def _line(path: Path, model: str) -> int:
    header = re.compile(rf"""\s*\[.*\bmodels\s*\.\s*["']?{re.escape(model)}["']?\s*[\].]""")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return 1
    return next((k for k, line in enumerate(lines, 1) if header.match(line)), 1)
