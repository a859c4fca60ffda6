"""Documents for other tools: all findings of a command in one file."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the names are asked for by --help
    from neurocompile.report.model_findings import ModelFindings

DOCUMENTS = ("sarif", "junit", "gitlab", "markdown")  # each is a module of this package


def document(fmt: str, groups: Sequence[ModelFindings]) -> str:
    """The findings in one of DOCUMENTS, without a line break at the end."""
    if fmt not in DOCUMENTS:
        raise ValueError(f"{fmt!r} is none of {', '.join(DOCUMENTS)}")
    module = importlib.import_module(f"neurocompile.report.{fmt}")
    text: str = module.render(groups)
    return text
