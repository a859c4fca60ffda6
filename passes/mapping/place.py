"""Place: parts of a partition onto cores of the mesh.

Chips stand side by side. Parts, producers first, follow a snake through that strip, column by
column: what talks to each other stays near, and a chip is full before the next one begins.
"""

from __future__ import annotations

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.mapping import CoreId, Partition, Placement
from neurocompile.resources import total_cores
from neurocompile.target import Target


def place(partition: Partition, target: Target) -> Placement:
    """A core for each part. Raises FindingsError (NC501) when there are not enough."""
    needed, limit = len(partition.cores), total_cores(target)
    if needed > limit:
        raise FindingsError(Diagnostic(
            "NC501", values={"needed": needed, "limit": f"{limit} cores of {target.name}"}))
    per_chip, width = target.chip.cores.value, target.chip.grid_width.value
    snake = sorted(((k % width, k // width) for k in range(per_chip)),
                   key=lambda at: (at[0], at[1] if at[0] % 2 == 0 else -at[1]))
    return Placement(tuple(CoreId(k // per_chip, *snake[k % per_chip]) for k in range(needed)))
