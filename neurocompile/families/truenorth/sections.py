"""The sections that only reports for TrueNorth have."""

from __future__ import annotations

from typing import Any

from neurocompile.families.truenorth import crossbars, estimates
from neurocompile.report.estimates import Estimates
from neurocompile.report.section import Record

SECTIONS: tuple[Record[Any], ...] = (
    Record(key="estimates", title="energy, time", after="binding", kind=Estimates,
           record=estimates.estimates, show=estimates.show),
    Record(key="crossbars", title="crossbars", after="populations", kind=crossbars.Crossbars,
           record=crossbars.crossbars, show=crossbars.show),
)
