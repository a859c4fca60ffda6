"""The sections that only reports for Loihi have."""

from __future__ import annotations

from typing import Any

from neurocompile.families.loihi import estimates, shared_sums, storage, what_if
from neurocompile.report.estimates import Estimates
from neurocompile.report.section import Record

SECTIONS: tuple[Record[Any], ...] = (
    Record(key="storage", title="storage", after="binding", kind=storage.Storage,
           record=storage.storage, show=storage.show),
    Record(key="what_if", title="what if", after="storage", kind=what_if.WhatIf,
           record=what_if.what_if, show=what_if.show),
    Record(key="estimates", title="energy, time", after="what_if", kind=Estimates,
           record=estimates.estimates, show=estimates.show),
    Record(key="streams", title="streams", after="cores", kind=shared_sums.StreamFacts,
           record=shared_sums.streams, show=shared_sums.show),
)
