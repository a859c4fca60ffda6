"""Small networks for TrueNorth, written in one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from neurocompile.diagnostics import Location
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection, Readout
from neurocompile.ir.operators import Dense, Operator, Shape
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import TrueNorthNeurons
from neurocompile.target.truenorth import TrueNorthTarget

Weights = Operator | ArrayLike
Link = tuple[str, str, Weights] | tuple[str, str, Weights, int]


def dense(weight: ArrayLike) -> Operator:
    w = np.asarray(weight, np.int64)
    return Dense((w.shape[1],), (w.shape[0],), w)


def population(name: str, shape: Shape | int, threshold: ArrayLike = 1,
               bias: ArrayLike | None = None, reset: Reset = Reset.HARD, memory: bool = True,
               on_host: bool = False) -> Population:
    own = (shape,) if isinstance(shape, int) else shape
    size = int(np.prod(own))
    full = np.broadcast_to(np.asarray(threshold, np.int64), (size,))
    constant = None if bias is None else Bias(np.broadcast_to(np.asarray(bias, np.int64), (size,)))
    return Population(name, own, TrueNorthNeurons(full, reset, memory), constant, on_host,
                      Location(f"net.{name}"))


def network(populations: list[Population], projections: Sequence[Link], *,
            inputs: dict[str, Shape] | None = None, ticks: int = 6,
            read: str | None = None) -> Network:
    """Projections as (source, target, operator or weights, delay)."""
    links = []
    for source, target, operator, *delay in projections:
        linear = operator if isinstance(operator, Operator) else dense(operator)
        links.append(Projection(source, target, linear, delay=delay[0] if delay else 0))
    sizes = {p.name: p.size for p in populations}
    readouts = () if read is None else (Readout("out", (sizes[read],), (
        (read, dense(np.eye(sizes[read]))),), np.zeros(sizes[read])),)
    sources = tuple(Input(name, shape, InputKind.SPIKES)
                    for name, shape in (inputs or {"x": (4,)}).items())
    return Network(sources, tuple(populations), tuple(links), readouts, ticks)


def with_numbers(target: TrueNorthTarget, numbers: Mapping[str, int]) -> TrueNorthTarget:
    """The target with other numbers, by key: `core.axons`, ..."""
    for key, number in numbers.items():
        table, _, name = key.partition(".")
        section = getattr(target, table)
        target = replace(target, **{table: replace(
            section, **{name: replace(getattr(section, name), value=number)})})
    return target
