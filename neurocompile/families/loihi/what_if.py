"""What a change would save, as a section of the report; `what_if_counts` counts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurocompile.report import words
from neurocompile.report.content import Content, sentences
from neurocompile.report.model.report import Report

ENCODINGS = {"shared": "shared convolution lists (--encoding shared)",
             "auto": "the best lists for each projection (--encoding auto)"}
NOTE = "Counted for the same network; with other weight bits its spikes would change."


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A mapping under another assumption."""

    change: Literal["weight_bits", "encoding", "no_limit"]
    value: int | str  # the bits, the encoding, or the resource without its limit
    cores: int | None  # that it takes; null where it would not fit


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """How many cores the same network would take under other assumptions."""

    skipped: bool  # the mapping is too large to be counted again
    most: int  # cores up to which it is counted
    changes: tuple[Change, ...]


def show(data: WhatIf, report: Report) -> Content:
    """How many cores each change would leave."""
    if data.skipped:
        return Content(lines=sentences(
            f"not counted again beyond {words.plural(data.most, 'core')}"))
    return Content(lines=sentences(*(_sentence(one, report) for one in data.changes)),
                   note=NOTE if data.changes else "")


def _sentence(one: Change, report: Report) -> str:
    if one.change == "weight_bits":
        what = f"{one.value}-bit weights"
    elif one.change == "encoding":
        what = ENCODINGS[str(one.value)]
    else:
        what = f"without the limit of {report.resources.resources[str(one.value)].label}"
    if one.cores is None:
        return f"{what}: would not fit"
    return f"{what}: {report.resources.totals.cores:,} -> {words.plural(one.cores, 'core')}"
