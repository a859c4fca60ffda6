"""What a Graph's outputs are: linear maps of spike counts or of single ticks, or host programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import onnx_ir as ir

from neurocompile.diagnostics import FindingsError
from neurocompile.ir.graph import Graph
from neurocompile.ir.host_program import HostProgram
from neurocompile.ir.network import Readout
from neurocompile.ir.operators import Operator, same
from neurocompile.passes.legality.cut import Cut
from neurocompile.passes.legality.readout import obstacle_finding
from neurocompile.passes.lowering.forms import EACH_TICK, STATIC, TICK_SUM, Form
from neurocompile.passes.lowering.host_programs import host_program
from neurocompile.passes.lowering.walk import FormWalk, tick_shape

Ticks = Literal["sum", "each"] | int


def outputs_of(graph: Graph, walk: FormWalk, parts: Cut) -> Iterator[Readout | HostProgram]:
    """The outputs that the host computes from spikes. Raises FindingsError (NC129) for none."""
    if not parts.served:
        raise FindingsError(*(obstacle_finding(graph, number, obstacle)
                              for number, obstacle in parts.obstacles.items()))
    for number, value in parts.outputs.items():
        if number not in parts.obstacles:
            yield _readout(walk, value, number) or host_program(
                graph, walk.layouts, parts.tail(value), number, walk.n_ticks)


def _readout(walk: FormWalk, value: ir.Value, number: int) -> Readout | None:
    """An output as a linear map; None for one that is none."""
    form = walk.form(value)
    reading = None if form is None else _read(form, walk.n_ticks)
    if form is None or reading is None:
        return None
    ticks, terms = reading
    shape = tick_shape(walk.layouts.layout(value) or ())
    return Readout(str(value.name), shape if np.prod(shape) == form.size else (form.size,),
                   tuple(terms.items()), form.bias, ticks, number=number)


def _read(form: Form, n_ticks: int) -> tuple[Ticks, dict[str, Operator]] | None:
    """Which ticks an output reads, and its operator for each source: the same for all of them.

    None where ticks count differently, or some of one source stand beside all of another.
    """
    whens = {source.when for source in form.terms} - {STATIC}
    if whens == {EACH_TICK} and n_ticks > 1:
        return "each", {s.name: o for s, o in form.terms.items()}
    if len(whens) == 1 and n_ticks > 1 and isinstance(tick := next(iter(whens)), int):
        return tick, {s.name: o for s, o in form.terms.items()}
    terms: dict[str, Operator] = {}
    ticks_of: dict[str, set[int | str]] = {}
    for source, operator in form.terms.items():
        first = terms.setdefault(source.name, operator)
        ticks_of.setdefault(source.name, set()).add(source.when)
        if not same(first, operator):
            return None
    wholes: list[set[int | str]] = [{TICK_SUM}, {STATIC}, set(range(n_ticks))]
    for own_ticks in ticks_of.values():
        if own_ticks not in wholes and not (own_ticks == {EACH_TICK} and n_ticks == 1):
            return None
    return "sum", terms
