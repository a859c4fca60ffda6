"""What `neurocompile check --format json` writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from neurocompile.report.model.findings import Findings
from neurocompile.report.model.time import TimeFacts
from neurocompile.report.plain import Key
from neurocompile.report.schema import Count

Verdict = Literal[
    "fits",  # every stage ran
    "structure fits",  # every stage ran whose verdict rests on no weight's size
    "event-driven",  # the same without a target: all of these that know no chip
    "partly checked",  # nothing speaks against it, and some of these did not run
    "illegal", "not checked", "over budget", "does not fit", "cannot be represented"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArithmeticFacts:
    """Operators and arithmetic of a network, by place: the chip, the host, nowhere."""

    operators: Mapping[str, int]
    macs: Mapping[str, int]
    event_driven: float | None  # share of the arithmetic; null where there is none
    energy_mj: float | None  # of a sample, arithmetic only; null where no rates are known


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckItem(Findings):
    """The findings for one model on one target, and the verdict."""

    model: str
    verdict: Verdict  # from all findings, those among them that are ignored
    stages: tuple[str, ...]  # that ran
    not_run: tuple[str, ...]  # stages of a build that were left out, where none refused it
    left_out: str  # why stages are left out; empty where all run
    n_ignored: Annotated[Count, Key("ignored")]  # findings that the configuration ignores
    n_known: Annotated[Count, Key("known")]  # findings in the baseline
    time: TimeFacts | None  # null where the model could not be captured
    summary: ArithmeticFacts | None  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDocument:
    """Models on targets, each with its verdict."""

    schema: Literal["neurocompile/check/1"] = "neurocompile/check/1"
    checks: tuple[CheckItem, ...]
