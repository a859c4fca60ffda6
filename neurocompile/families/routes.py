"""The traffic of a mapping, as resources.json and mapping.json hold it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.mapping import ChipMapping, Placement, Routing
from neurocompile.report.model.traffic import (
    Axons,
    Hops,
    Imbalance,
    Links,
    Messages,
    Routes,
    Traffic,
)

DIGITS = 6
BUSIEST = 10  # links that are listed

Floats = NDArray[np.float64]


def routes(routing: Routing, placement: Placement) -> Routes:
    """Messages per tick by distance, hops, and the busiest links."""
    chip = np.array([c.chip for c in placement.cores], np.int64)
    between, off_chip = routing.between_cores, routing.off_chip
    crossing = between & (chip[routing.source] != chip[routing.destination])
    outward, hops = routing.messages[between], routing.hops[between]
    busiest = sorted(routing.link_loads.items(), key=lambda item: (-item[1], item[0]))
    return Routes(
        measured=routing.measured,
        axons=Axons(off_chip=int(routing.axons[off_chip].sum()), total=int(routing.axons.sum())),
        messages=Messages(
            off_chip=_total(routing.messages[off_chip]),
            within_cores=_total(routing.messages[~off_chip & ~between]),
            between_cores=_total(outward), between_chips=_total(routing.messages[crossing])),
        hops=Hops(
            total=_total(outward * hops), max=int(hops.max(initial=0)),
            mean=round(_total(outward * hops) / max(_total(outward), 1e-12), DIGITS),
            p95=_percentile(hops, outward, 0.95)),
        links=Links(count=len(routing.link_loads), busiest=tuple(
            (name, round(float(load), DIGITS)) for name, load in busiest[:BUSIEST])))


def traffic(mapping: ChipMapping) -> Traffic:
    """The same, and how unevenly the cores carry the messages (largest over mean)."""
    outward, inward = load(mapping)
    one = routes(mapping.routing, mapping.placement)
    return Traffic(
        measured=one.measured, axons=one.axons, messages=one.messages, hops=one.hops,
        links=one.links, imbalance=Imbalance(sender=_imbalance(outward),
                                             receiver=_imbalance(inward)))


def load(mapping: ChipMapping) -> tuple[Floats, Floats]:
    """Messages per tick that each core sends to others, and that it gets from outside it."""
    routing, n = mapping.routing, len(mapping.partition.cores)
    between = routing.between_cores
    outside = between | routing.off_chip
    outward = np.bincount(routing.source[between], routing.messages[between], n)
    inward = np.bincount(routing.destination[outside], routing.messages[outside], n)
    return np.asarray(outward, np.float64), np.asarray(inward, np.float64)


def _imbalance(messages: Floats) -> float:
    mean = float(messages.mean()) if messages.size else 0.0
    return round(float(messages.max()) / mean, DIGITS) if mean > 0 else 0.0


def _total(values: Floats) -> float:
    return round(float(values.sum()), DIGITS)


def _percentile(values: NDArray[np.int64], weights: Floats, share: float) -> int:
    """The smallest value that at least this share of the weight does not exceed."""
    if not weights.sum() > 0:
        return 0
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return int(values[order][np.searchsorted(total, share * total[-1])])
