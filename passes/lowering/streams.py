"""Streams: sums of the same branches that several populations receive (membrane shortcuts).

A term is what a source adds to a stream: an operator that reaches several consumers, equal up to
one gain per consumer. The sets of terms that consumers share form a tree by inclusion: a residual
stream is a path in it, whose points hold more and more terms.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from neurocompile.ir.network import InputKind, Network, Population, Projection
from neurocompile.ir.operators import Operator, same

_NEAR = 1e-12  # relative: what float64 leaves of a product with a gain


@dataclass(frozen=True, eq=False)
class Term:
    """What a source adds to a stream: `operator / gain`, in the stream's own unit."""

    source: str
    operator: Operator
    gain: float


@dataclass(frozen=True, eq=False)
class Consumer:
    """A population that receives `gain` times a sum of terms."""

    population: Population
    gain: float
    terms: dict[int, Projection]  # by number of the term


@dataclass(eq=False)
class Point:
    """A set of terms that one or more consumers receive, and the points with more terms."""

    terms: frozenset[int]
    consumers: list[Consumer]
    parent: Point | None = None
    children: list[Point] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Streams:
    """All streams of a network; `points` lists parents first."""

    terms: tuple[Term, ...]
    points: tuple[Point, ...]

    @property
    def roots(self) -> Iterator[Point]:
        """Where streams begin."""
        return (point for point in self.points if point.parent is None)


def find(network: Network) -> Streams:
    """The streams of a float network: its terms of several consumers, as trees."""
    terms: list[Term] = []
    consumers = [_consumer(network, p, terms) for p in network.order()]
    uses = Counter(number for c in consumers for number in c.terms)
    points_by_terms: dict[frozenset[int], Point] = {}
    for consumer in consumers:
        shared = frozenset(number for number in consumer.terms if uses[number] > 1)
        if shared:
            points_by_terms.setdefault(shared, Point(shared, [])).consumers.append(consumer)
    points = sorted(points_by_terms.values(), key=lambda point: len(point.terms))
    for number, point in enumerate(points):
        below = [p for p in points[:number] if p.terms < point.terms]
        if below:
            point.parent = max(below, key=lambda p: len(p.terms))
            point.parent.children.append(point)
    return Streams(tuple(terms), tuple(points))


def _consumer(network: Network, population: Population, terms: list[Term]) -> Consumer:
    """A population's spiking inputs as terms; those not known yet are appended to `terms`."""
    spiking = {p.name for p in network.populations} | {
        item.name for item in network.inputs if item.kind is InputKind.SPIKES}
    inputs = [p for p in network.into(population.name) if p.delay == 0 and p.source in spiking]
    matches: list[tuple[int, float, Projection]] = []
    for projection in inputs:
        for number, term in enumerate(terms):
            ratio = _ratio(term.operator, projection.operator) if (
                term.source == projection.source) else None
            if ratio is not None:
                matches.append((number, ratio * term.gain, projection))
    gain = matches[0][1] if matches else 1.0
    by_term = {number: p for number, own, p in matches if math.isclose(own, gain, rel_tol=_NEAR)}
    for projection in inputs:
        if projection not in by_term.values():
            by_term[len(terms)] = projection
            terms.append(Term(projection.source, projection.operator, gain))
    return Consumer(population, gain, by_term)


def _ratio(one: Operator, other: Operator) -> float | None:
    """The factor > 0 by which `other` is `one`, up to float64's rounding; None if there is none."""
    if one is other:
        return 1.0
    a, b = one.weights, other.weights
    if a.shape != b.shape or not a.size:
        return None
    at = int(np.abs(a).argmax())
    ratio = float(b.flat[at] / a.flat[at]) if a.flat[at] else 0.0
    if not ratio > 0 or not np.allclose(b, a * ratio, rtol=_NEAR, atol=0):
        return None
    empty = np.zeros(a.shape, np.int8)
    return ratio if same(one.with_weights(empty), other.with_weights(empty)) else None
