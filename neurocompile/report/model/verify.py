"""What `neurocompile verify --format json` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurocompile.report.model.fidelity import Accuracy, PopulationCheck
from neurocompile.report.model.findings import Finding
from neurocompile.report.schema import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyDocument:
    """A build's program beside its reference."""

    schema: Literal["neurocompile/verify/1"] = "neurocompile/verify/1"
    summary: str  # one line that claims no more than was compared
    samples: Count
    ticks: Count  # of all samples
    spikes: Count  # of the reference
    differences: Count
    populations: tuple[PopulationCheck, ...]
    accuracy: Accuracy | None = None  # where the samples have labels
    diagnostics: tuple[Finding, ...]
