"""The verdicts on all small networks of the zoo as a markdown page: `python -m examples.zoo.table`.

`docs/legality.md` is its output.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import (
    Diagnostic,
    FindingsError,
    Location,
    Severity,
    UsageError,
    errors,
)
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.targets import load_target
from neurocompile.ir.graph import Graph
from neurocompile.passes.legality import check_graph

TIMINGS = ("tick", "async")
TARGETS = ("loihi1", "loihi2")
BATCH = 2
HELPERS = "common.py"
NO_NETWORKS = ("__init__", "common", "energy", "table")

PAGE = """\
# Verdicts on the zoo

Written by `python -m examples.zoo.table > docs/legality.md`; a test compares it with the code.

One row for each small network of `examples/zoo` and each timing model: `tick` is a chip with a
global tick (Loihi, TrueNorth), `async` one without. Behind each code: the number of findings, and
the lines of the architecture's file that they point to. `neurocompile rules` says what the codes
mean; one that is a note there (NC136, NC137) makes no network illegal. Weights are random;
BatchNorm shifts are not zero, as in a trained network. Images are fed as constant currents (direct
coding). "Not read": capture refused the network before any rule saw it. A target's column says how
many of its cores a legal network takes, or which codes refuse it; both targets have a tick.

| Architecture | Timing | Verdict | loihi1 | loihi2 | Findings |
|---|---|---|---|---|---|
{rows}
"""


def architectures() -> list[str]:
    """The files of the zoo that hold networks."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(file.stem for file in files if file.stem not in NO_NETWORKS)


def small_networks(module: ModuleType) -> dict[str, Callable[[], nn.Module]]:
    """The factories `small` and `small_*` of a file, by name."""
    return {name: make for name, make in vars(module).items()
            if (name == "small" or name.startswith("small_")) and callable(make)}


def shift_norms(model: nn.Module) -> nn.Module:
    """Random BatchNorm parameters; an untrained one has no shift, hence no bias."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 1.0, 3.0)
            nn.init.uniform_(module.bias, -0.25, 1.25)
    return model


def fits(graph: Graph, target: str) -> str:
    """The cores that a network takes on a target, or the codes that refuse it."""
    try:
        return f"{compile_graph(graph, load_target(target)).n_cores} cores"
    except FindingsError as error:
        return ", ".join(sorted({d.code for d in errors(error.diagnostics)}))


def verdicts(module: ModuleType, make: Callable[[], nn.Module]) -> Iterator[
        tuple[str, str, list[str], Sequence[Diagnostic]]]:
    """(timing, verdict, per target, findings) for each timing model; captured once."""
    torch.manual_seed(0)
    model = shift_norms(make())
    try:
        graph = capture(model, torch.rand(BATCH, *module.INPUT))
    except UsageError as error:
        for timing in TIMINGS:
            yield timing, "not read", ["-"] * len(TARGETS), error.diagnostics
        return
    for timing in TIMINGS:
        findings = check_graph(graph, timing)
        legal = all(d.level < Severity.ERROR for d in findings)
        on = [fits(graph, t) if legal and timing == "tick" else "-" for t in TARGETS]
        yield timing, "legal" if legal else "illegal", on, findings


def lines_of(findings: Sequence[Diagnostic]) -> str:
    """Codes with counts and lines: `NC120 × 4 (65, 66)`; another file's lines with its name."""
    counts: dict[str, int] = defaultdict(int)
    lines: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for d in findings:
        counts[d.code] += 1
        place = place_of(d.where)
        if place is not None:
            lines[d.code].add(place)
    parts = []
    for code in sorted(counts):
        by_file: dict[str, list[str]] = defaultdict(list)
        for file, line in sorted(lines[code]):
            by_file[file].append(str(line))
        places = "; ".join(f"{file}: {', '.join(numbers)}" for file, numbers in by_file.items())
        parts.append(f"{code} × {counts[code]}" + (f" ({places})" if places else ""))
    return "<br>".join(parts)


def place_of(where: Location) -> tuple[str, int] | None:
    """File and line of a finding; of one in the zoo's helpers those that call them."""
    own = [] if where.file is None or where.line is None else [(where.file, where.line)]
    calls = [*own, *((call.file, call.line) for call in where.callers)]
    places = [(Path(file).name, line) for file, line in calls]
    return next((place for place in places if place[0] != HELPERS), None)


def rows(name: str) -> Iterator[str]:
    """The table's rows for one file of the zoo."""
    module = importlib.import_module(f"examples.zoo.{name}")
    for factory, make in small_networks(module).items():
        variant = factory.removeprefix("small").replace("_", " ")
        for timing, verdict, on, findings in verdicts(module, make):
            cells = (f"{name}{variant}", timing, verdict, *on, lines_of(findings))
            yield f"| {' | '.join(cells)} |"


def page() -> str:
    """The whole page."""
    return PAGE.format(rows="\n".join(row for name in architectures() for row in rows(name)))


if __name__ == "__main__":
    print(page(), end="")
