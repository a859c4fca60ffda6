"""The sections that only reports for Loihi have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurocompile.families.loihi import estimates, shared_sums, storage, what_if
from neurocompile.report.estimates import Estimates
from neurocompile.report.section import Record

if TYPE_CHECKING:  # a build is reported without what compiles
    from neurocompile.families.loihi.compilation import LoihiCompilation


def _what_if(compilation: LoihiCompilation) -> what_if.WhatIf:
    from neurocompile.families.loihi.what_if_counts import count

    return count(compilation)


def _estimates(compilation: LoihiCompilation) -> Estimates:
    from neurocompile.families.loihi.operation_costs import estimate

    return estimate(compilation)


SECTIONS: tuple[Record[Any], ...] = (
    Record(key="storage", title="storage", after="binding", kind=storage.Storage,
           record=storage.storage, show=storage.show),
    Record(key="what_if", title="what if", after="storage", kind=what_if.WhatIf,
           record=_what_if, show=what_if.show),
    Record(key="estimates", title="energy, time", after="what_if", kind=Estimates,
           record=_estimates, show=estimates.show),
    Record(key="streams", title="streams", after="cores", kind=shared_sums.StreamFacts,
           record=shared_sums.streams, show=shared_sums.show),
)
