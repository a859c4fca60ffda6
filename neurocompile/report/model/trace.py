"""trace.json: the stages of a compilation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """A stage that ran."""

    name: str
    result: str  # its size in words
    seconds: float | None = None  # wall time; it makes the file differ from run to run


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Options and stages, in the order in which they ran."""

    schema: Literal["neurocompile/trace/1"] = "neurocompile/trace/1"
    target: str
    options: Mapping[str, Any]
    stages: tuple[StageFacts, ...]
