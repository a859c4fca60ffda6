"""resources.csv: one row per core and resource."""

from __future__ import annotations

import csv
import io

from neurocompile.diagnostics import printable
from neurocompile.report.model.resources import Resources

COLUMNS = ("core", "chip", "x", "y", "resource", "unit", "used", "limit", "utilization",
           "headroom", "binding", "slices")


def resources_csv(resources: Resources) -> str:
    """One row per core and resource; `slices` lists what the core holds.

    A slice starts with digits, so no name can become a spreadsheet's formula.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for core in resources.cores:
        pieces = "; ".join(f"{s.start}:{s.stop} of {printable(s.population)}" for s in core.slices)
        for name, one in core.resources.items():
            writer.writerow((core.core, core.chip, core.x, core.y, name,
                             resources.resources[name].unit, one.amount, one.limit,
                             one.utilization, one.headroom, int(name == core.binding), pieces))
    return out.getvalue()
