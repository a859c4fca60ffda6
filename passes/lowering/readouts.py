"""Readouts: what a Graph's outputs are, as linear maps of spike counts or of single ticks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from neurocompile.diagnostics import Diagnostic, FindingsError, Location
from neurocompile.ir.graph import Graph, output_location
from neurocompile.ir.network import Readout
from neurocompile.ir.operators import Operator, same
from neurocompile.passes.lowering.forms import EACH_TICK, STATIC, TICK_SUM, Form
from neurocompile.passes.lowering.walk import FormWalk, tick_shape


def readouts(graph: Graph, walk: FormWalk) -> Iterator[Readout]:
    """Each output as a host-side linear map of spikes. Raises FindingsError (NC129) for others."""
    for number, value in enumerate(graph.model.graph.outputs):
        form = walk.form(value)
        producer = value.producer()
        where = output_location(graph, number)
        if form is None:
            op = "a neuron's state" if producer is not None else "a constant"
            raise FindingsError(_opaque_readout(where, number, op))
        ticks, terms = _read(form, walk.n_ticks, where, number)
        shape = tick_shape(walk.layouts.layout(value) or ())
        yield Readout(str(value.name), shape if np.prod(shape) == form.size else (form.size,),
                      tuple(terms.items()), form.bias, ticks)


def _read(form: Form, n_ticks: int, where: Location, number: int
          ) -> tuple[Literal["sum", "each"] | int, dict[str, Operator]]:
    """Which ticks an output reads, and its operator for each source: the same for all of them."""
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
            raise FindingsError(_opaque_readout(
                where, number, f"spikes of `{source.name}` that count differently by tick"))
    wholes: list[set[int | str]] = [{TICK_SUM}, {STATIC}, set(range(n_ticks))]
    for name, own_ticks in ticks_of.items():
        if own_ticks not in wholes and not (own_ticks == {EACH_TICK} and n_ticks == 1):
            raise FindingsError(_opaque_readout(
                where, number, f"some ticks of `{name}` beside all ticks of another"))
    return "sum", terms


def _opaque_readout(where: Location, number: int, op: str) -> Diagnostic:
    return Diagnostic("NC129", where, {"output": number, "op": op})
