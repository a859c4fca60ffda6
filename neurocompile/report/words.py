"""How reports say numbers, and the sentences that stand outside of sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from neurocompile.diagnostics import printable
from neurocompile.report.content import Form
from neurocompile.report.model.fidelity import Accuracy
from neurocompile.report.model.resources import Resources

ENERGY, TIME = ("pJ", "nJ", "uJ", "mJ", "J"), ("ns", "us", "ms", "s")
BINDS = 0.9  # a resource below this share is near no limit


class Box(Protocol):
    """A part of a population's shape: `SliceFacts`."""

    @property
    def box(self) -> tuple[tuple[int, int], ...]:
        """[first, last + 1] of each axis."""

    @property
    def fills_box(self) -> bool:
        """Whether all of the box is in it."""


def percent(share: float | None) -> str:
    """A share for people; a few of many are neither none nor all."""
    if share is None:
        return "-"
    if 0 < share < 0.0005:
        return "<0.1 %"
    if 0.9995 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f} %"


def plural(n: int, word: str) -> str:
    """`1 core`, `2 cores`."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def number(value: float) -> str:
    """A measured amount: no digits that mean nothing."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"


def amount(value: int, unit: str) -> str:
    """An amount with its unit; bits in bytes where that is shorter."""
    if unit != "bit":
        return f"{value:,}"
    for size, name in ((8 << 20, "MiB"), (8 << 10, "KiB")):
        if value >= size:
            return f"{value / size:,.1f} {name}"
    return f"{value:,} bit"


def value(cell: float, form: Form) -> str:
    """A number of a table, in the form of its column."""
    if form == "core":
        return str(cell)
    if form == "percent":
        return percent(cell)
    return f"{cell:.4f}" if form == "rate" else number(cell)


def shape(sides: Sequence[int]) -> str:
    """`16x14x14`."""
    return "x".join(str(side) for side in sides) or "1"


def box(piece: Box) -> str:
    """The part of a population that a slice spans, inclusive; `~` where it has gaps."""
    sides = ",".join(str(low) if high == low + 1 else f"{low}-{high - 1}"
                     for low, high in piece.box)
    return f"{'' if piece.fills_box else '~'}[{sides}]"


def band(values: tuple[float, float], units: tuple[str, ...]) -> str:
    """`1.2 to 3.4 nJ`: a range in the largest of units, a factor of 1,000 apart, that fits."""
    scale = max(0, min(len(units) - 1, (len(str(int(max(values)))) - 1) // 3))
    low, high = (f"{value / 1000 ** scale:.3g}" for value in values)
    return f"{low} {units[scale]}" if low == high else f"{low} to {high} {units[scale]}"


def verdict(resources: Resources) -> str:
    """Whether it fits, and how near the bound."""
    t = resources.totals
    return (f"{printable(resources.target.name)}: fits on {plural(t.cores, 'core')} "
            f"(lower bound {t.lower_bound:,}, available {t.cores_available:,}), "
            f"{t.chips:,} of {plural(t.chips_available, 'chip')}")


def size(resources: Resources) -> str:
    """The network in numbers."""
    t = resources.totals
    host = f", {plural(t.host_neurons, 'neuron')} on the host" if t.host_neurons else ""
    return (f"{plural(t.populations, 'population')}, {plural(t.neurons, 'neuron')}, "
            f"{plural(t.synapses, 'synapse')} on chip{host}; {plural(t.ticks, 'tick')} per "
            f"sample, latency {plural(t.latency, 'tick')}")


def accuracy(result: Accuracy) -> str:
    """How many labeled samples the integer network gets right."""
    before = "" if result.before_pruning is None else (
        f"; before pruning {result.before_pruning:,} "
        f"({percent(result.before_pruning / result.samples)})")
    return (f"accuracy of the integer network: {result.right:,} of "
            f"{plural(result.samples, 'labeled sample')} "
            f"({percent(result.right / result.samples)}){before}")
