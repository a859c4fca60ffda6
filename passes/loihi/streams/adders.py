"""Adders: a stream that several populations receive, as duplicate synapses or as a graded sum.

An adder population sums a point of a stream in every tick and sends the sum as a graded spike; its
consumers, and the next adder, receive it through one synapse per neuron. Every branch is then
stored once, for one tick of depth per adder. Both forms compute the same sums. The cheaper one is
that whose synapse lists take less memory; duplicates where both take as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.network import Adder, Network, Population, Projection, free_name
from neurocompile.ir.operators import identity
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.relay import relay
from neurocompile.passes.loihi.streams.price import Price, Prices, with_spikes_only
from neurocompile.passes.lowering.streams import Point, Streams, find
from neurocompile.semantics.loihi import ACTIVATION_SHIFT
from neurocompile.target.loihi import LoihiTarget

DUPLICATE, ADDER = "duplicate", "adder"


@dataclass(frozen=True, eq=False)
class Choice:
    """How a network's streams are built, why, and what each form takes."""

    taken: str  # "duplicate" or "adder"
    reason: str
    adders: tuple[str, ...]  # populations that were added
    prices: Mapping[str, Price]  # of both forms
    first: Population  # of those that receive a stream


def build_streams(network: Network, target: LoihiTarget, asked: str, weight_bits: int = 8
                  ) -> tuple[Network, Choice | None]:
    """The float network with its streams in the form that is asked for.

    No choice where no two populations share a term. "adder" makes every point of a stream an
    adder, "auto" those that save memory, if any. Raises FindingsError (NC210) where the target
    cannot have what is asked for.
    """
    streams = find(network)
    if not streams.points:
        return network, None
    prices = Prices(target, weight_bits)
    against = obstacle(target, weight_bits)
    first = streams.points[0].consumers[0].population
    if against and asked == ADDER:
        raise FindingsError(Diagnostic("NC210", first.where, {
            "target": target.name, "reason": against}))
    chosen = [] if asked == ADDER else [
        point for root in streams.roots for point in _cheapest(root, None, streams, prices)[1]]
    summed = with_adders(network, streams, chosen or streams.points)
    price = {DUPLICATE: prices.of(network), ADDER: prices.of(summed)}
    taken, reason = asked, "as asked for"
    if asked == "auto":
        taken, reason = _cheaper(network, summed, price, against, target)
    added = tuple(p.name for p in summed.populations if p.graded and taken == ADDER)
    return summed if added else network, Choice(taken, reason, added, price, first)


def note(choice: Choice) -> Diagnostic:
    """NC140: which form the streams of a network have, and the prices of both."""
    return Diagnostic("NC140", choice.first.where, {
        "module": choice.first.name, "taken": choice.taken, "reason": choice.reason,
        **{f"{form}_{name}": value for form in choice.prices
           for name, value in asdict(choice.prices[form]).items()}})


def obstacle(target: LoihiTarget, weight_bits: int) -> str:
    """Why there can be no adders; empty where there can."""
    needed = target.neuron.state_bits.value - ACTIVATION_SHIFT  # what a consumer's u can hold
    if target.synapse.message_bits.value < needed:
        return f"{target.name} has no graded spikes of {needed} bits"
    if not target.neuron.programs.value:
        return f"{target.name} has no neuron programs"
    if weight_bits < 8:
        return f"a weight of 1 takes 8 bits, not {weight_bits}"
    return ""


def _cheaper(network: Network, summed: Network, price: Mapping[str, Price], against: str,
             target: LoihiTarget) -> tuple[str, str]:
    """The form that is taken, and why."""
    if against:
        return DUPLICATE, against
    if price[ADDER].synapse_memory >= price[DUPLICATE].synapse_memory:
        return DUPLICATE, "adders would save no synapse memory"
    if _aligns(network, target) and not _aligns(summed, target):
        return DUPLICATE, "the ticks that adders take leave no schedule"
    return ADDER, "it takes less synapse memory"


def _aligns(network: Network, target: LoihiTarget) -> bool:
    try:
        spiking = with_spikes_only(network)
        relay(spiking, align(spiking), target)
    except FindingsError:
        return False
    return True


def _cheapest(point: Point, above: Point | None, streams: Streams, prices: Prices
              ) -> tuple[int, list[Point]]:
    """The least synapse memory from a point on, and the points that are adders then.

    `above` is the nearest adder before it.
    """
    def memory(numbers: Iterable[int]) -> int:
        return sum(prices.lists(streams.terms[n].operator).synapse_memory for n in numbers)

    one = prices.wire(point.consumers[0].population.size)
    new = memory(point.terms - above.terms) + one if above else memory(point.terms)
    chosen: list[Point] = []
    direct = len(point.consumers) * new
    summed, adders = new + len(point.consumers) * one, [point]
    for child in point.children:
        less, found = _cheapest(child, above, streams, prices)
        direct, chosen = direct + less, chosen + found
        less, found = _cheapest(child, point, streams, prices)
        summed, adders = summed + less, adders + found
    return (summed, adders) if summed < direct else (direct, chosen)


def with_adders(network: Network, streams: Streams, points: Sequence[Point]) -> Network:
    """The network with an adder population for each of these points of its streams."""
    names = {p.name for p in network.populations}
    adder: dict[int, Population] = {}  # by id of the point
    before: dict[str, Population] = {}  # adders by the population that they stand before
    added: list[Projection] = []
    replaced: set[Projection] = set()
    for point in streams.points:
        above = _nearest(point.parent, points)
        if point in points:
            first = point.consumers[0].population
            name = free_name(f"{first.name}.stream", names)
            names.add(name)
            made = Population(name, first.shape, Adder(), where=first.where)
            adder[id(point)] = before[first.name] = made
            added += _sums(point, above, made, streams, adder)
            above = point
        if above is None:
            continue
        for consumer in point.consumers:
            target = consumer.population
            replaced |= {p for n, p in consumer.terms.items() if n in above.terms}
            wire = identity(target.shape)
            added.append(Projection(
                adder[id(above)].name, target.name, wire if consumer.gain == 1 else
                wire.scaled(np.full(target.size, consumer.gain)), where=target.where))
    return replace(
        network, projections=(*(p for p in network.projections if p not in replaced), *added),
        populations=tuple(q for p in network.populations
                          for q in (*([before[p.name]] if p.name in before else []), p)))


def _nearest(point: Point | None, points: Sequence[Point]) -> Point | None:
    """The first point from here on towards the root that is an adder."""
    while point is not None and point not in points:
        point = point.parent
    return point


def _sums(point: Point, above: Point | None, made: Population, streams: Streams,
          adder: Mapping[int, Population]) -> Iterator[Projection]:
    """What an adder receives: the adder before it, and the terms since."""
    if above is not None:
        yield Projection(adder[id(above)].name, made.name, identity(made.shape), where=made.where)
    for number in sorted(point.terms - (above.terms if above else frozenset())):
        term = streams.terms[number]
        operator = term.operator if term.gain == 1 else term.operator.scaled(
            np.full(made.size, 1 / term.gain))
        yield Projection(term.source, made.name, operator, where=made.where)
