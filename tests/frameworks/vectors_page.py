"""The page of golden vectors: python -m tests.frameworks.vectors_page > docs/golden_vectors.md."""

from __future__ import annotations

import sys

import numpy as np

from tests.frameworks.equations import RESULTS, blocks, evaluate
from tests.frameworks.golden import FOLDER, Case, load

HEADER = """# Golden vectors

Written by `python -m tests.frameworks.vectors_page > docs/golden_vectors.md`; a test compares. Each
row is a run of a framework's own class, recorded in `tests/golden/neurons` and evaluated from its
equations (the named block of `tests/frameworks/EQUATIONS.md`) in float32. *run as*: ways to run it
that gave identical numbers; *spikes*: sum over the run; *at threshold*: how often a membrane met its
threshold exactly; *different*: spikes and states that differ from the equations, of all.
"""
COLUMNS = ("class", "options", "run as", "block", "ticks", "neurons", "spikes", "at threshold",
           "different")


def row(case: Case, lines: list[tuple[str, str]]) -> str:
    """A line of the page."""
    ticks = evaluate(lines, case)
    names = [k for k in RESULTS if k in case.arrays]
    different = sum(int((ticks[k] != case.arrays[k]).sum()) for k in names)
    spiking = "h" in ticks
    threshold = case.constants.get("v_th", 0.0)
    cells = (
        case.cls, ", ".join(f"{k}={v}" for k, v in case.options.items()) or "-",
        "; ".join(case.variants), case.block, *case.arrays["x"].shape,
        int(case.arrays["s"].sum()) if spiking else "-",
        int((ticks["h"] == np.asarray(threshold, ticks["h"].dtype)).sum()) if spiking else "-",
        f"{different} of {sum(case.arrays[k].size for k in names)}",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def page() -> str:
    """The whole page."""
    parts, equations = [HEADER], blocks()
    for path in sorted(FOLDER.glob("*.npz")):
        rows = [row(case, equations[case.block]) for case in load(path)]
        parts.append("\n".join([f"## {path.stem}", "", "| " + " | ".join(COLUMNS) + " |",
                                "|---" * len(COLUMNS) + "|", *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
