"""The core grid: one inline SVG per chip, every used core a link with a name of its own.

Colors come from the page's style sheet: `--u` is a core's utilization, `m` and `h` mark cells
whose color needs another text color. Nothing here depends on a script.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from html import escape

from neurocompile.diagnostics import printable
from neurocompile.report import words
from neurocompile.report.model.resources import CoreFacts, Resources

CELL, GAP = 40, 4
MEDIUM, HIGH = 0.5, 0.8  # utilizations from which a cell is marked m, h
MAX_NAMES = 4  # populations that a core's name lists


def grids(resources: Resources) -> list[tuple[int, int, str]]:
    """(chip, its cores, SVG) for every chip that is used, by number."""
    by_chip: dict[int, list[CoreFacts]] = defaultdict(list)
    for core in resources.cores:
        by_chip[core.chip].append(core)
    return [(chip, len(by_chip[chip]), grid(chip, by_chip[chip], resources))
            for chip in sorted(by_chip)]


def grid(chip: int, cores: Sequence[CoreFacts], resources: Resources) -> str:
    """One chip's mesh: outlines for all cores, a cell for each that is used."""
    total, width = resources.target.cores_per_chip, resources.target.grid_width
    pitch = CELL + GAP
    rows = -(-total // width)
    sides = f"0 0 {width * pitch - GAP} {rows * pitch - GAP}"
    title = f"chip {chip}: {len(cores)} of {total} cores used"
    busy = {(core.x, core.y) for core in cores}
    free = "".join(f"M{x * pitch} {y * pitch}h{CELL}v{CELL}h-{CELL}z"
                   for y in range(rows) for x in range(width)
                   if y * width + x < total and (x, y) not in busy)
    cells = "\n".join(_cell(core, resources) for core in sorted(cores, key=lambda c: (c.y, c.x)))
    return (f'<svg viewBox="{sides}" role="group" aria-label="{title}">\n'
            f'<path class="free" d="{free}"/>\n{cells}\n</svg>')


def _cell(core: CoreFacts, resources: Resources) -> str:
    share, pitch = core.utilization, CELL + GAP
    x, y = core.x * pitch, core.y * pitch
    name = escape(label(core, resources))
    return (f'<a href="#core-{core.core}" class="{mark(share)}" style="--u:{share:.3f}" '
            f'data-core="{core.core}" aria-label="{name}">'
            f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="4"/>'
            f'<text x="{x + CELL // 2}" y="{y + CELL // 2}">{100 * share:.0f}</text></a>')


def mark(share: float) -> str:
    """The cell's class: how dark its color is."""
    return "h" if share >= HIGH else "m" if share >= MEDIUM else "l"


def label(core: CoreFacts, resources: Resources) -> str:
    """What a screen reader says of a core."""
    pieces = list(dict.fromkeys(printable(s.population) for s in core.slices))
    names = ", ".join(pieces[:MAX_NAMES])
    more = f" and {len(pieces) - MAX_NAMES} more" if len(pieces) > MAX_NAMES else ""
    names = names or printable(core.role)
    return (f"core {core.core} at {core.x},{core.y}: {resources.resources[core.binding].label} "
            f"{words.percent(core.utilization)}; holds {names}{more}")
