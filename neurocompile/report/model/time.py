"""How many ticks a sample has, and what says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from neurocompile.report.schema import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFacts:
    """Ticks of a sample of the model, before any are pruned.

    `source`: an axis of an input, `--ticks`, a loop of the model, an axis that the model makes, nothing.
    """

    ticks: Count
    source: Literal["input", "option", "loop", "model", "none"]
    inputs: Mapping[str, str]  # how each goes into the model, N for the samples: "30xNx8"
    text: str  # all of it in words
