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
from neurocompile.passes.loihi.limits import exponent_range
from neurocompile.passes.loihi.relay import relay
from neurocompile.passes.loihi.streams.price import Price, Prices, with_spikes_only
from neurocompile.passes.lowering.streams import Point, Streams, find
from neurocompile.semantics.loihi_widths import ACTIVATION_SHIFT, WEIGHT_BITS
from neurocompile.target.loihi import LoihiTarget

DUPLICATE, ADDER = "duplicate", "adder"


@dataclass(frozen=True, eq=False)
class Choice:
    """How a network's streams are built, why, and what each form takes."""

    form: str  # "duplicate" or "adder"
    reason: str
    adders: tuple[str, ...]  # populations that do not come from the model
    prices: Mapping[str, Price]  # of both forms
    first: Population  # of those that receive a stream


def build_streams(network: Network, target: LoihiTarget, how: str, weight_bits: int
                  ) -> tuple[Network, Choice | None]:
    """The float network with its streams in one of two forms.

    No choice where no two populations share a term. `how`: "adder" makes every point of a stream
    an adder, "auto" those that save memory, if any, "duplicate" none. Raises FindingsError (NC210)
    where the target cannot have adders.
    """
    streams = find(network)
    if not streams.points:
        return network, None
    prices = Prices(target, weight_bits)
    against = obstacle(target, weight_bits)
    first = streams.points[0].consumers[0].population
    if against and how == ADDER:
        raise FindingsError(Diagnostic("NC210", first.where, {
            "target": target.name, "reason": against}))
    points = [] if how == ADDER else [
        point for root in streams.roots for point in _cheapest(root, None, streams, prices)[1]]
    rebuilt = with_adders(network, streams, points or streams.points)
    price = {DUPLICATE: prices.of(network), ADDER: prices.of(rebuilt)}
    form, reason = how, "as asked for"
    if how == "auto":
        form, reason = DUPLICATE, against
        if not against:
            form, reason = _cheaper((network, price[DUPLICATE]), (rebuilt, price[ADDER]), target,
                                    weight_bits)
    adders = tuple(p.name for p in rebuilt.populations if p.graded and form == ADDER)
    return rebuilt if adders else network, Choice(
        form=form, reason=reason, adders=adders, prices=price, first=first)


def note(choice: Choice) -> Diagnostic:
    """NC140: which form the streams of a network have, and the prices of both."""
    return Diagnostic("NC140", choice.first.where, {
        "module": choice.first.name, "taken": choice.form, "reason": choice.reason,
        **{f"{form}_{name}": value for form in choice.prices
           for name, value in asdict(choice.prices[form]).items()}})


def obstacle(target: LoihiTarget, weight_bits: int) -> str:
    """Why there can be no adders; empty where there can."""
    width = target.neuron.state_bits.value - ACTIVATION_SHIFT  # what a consumer's u can hold
    if target.synapse.message_bits.value < width:
        return f"{target.name} has no graded spikes of {width} bits"
    if not target.neuron.programs.value:
        return f"{target.name} has no neuron programs"
    if weight_bits < WEIGHT_BITS:
        return f"a weight of 1 takes {WEIGHT_BITS} bits, not {weight_bits}"
    if exponent_range(target)[0]:
        return f"{target.name} has no weight of 1: exponents start at {exponent_range(target)[0]}"
    return ""


def _cheaper(plain: tuple[Network, Price], adders: tuple[Network, Price], target: LoihiTarget,
             weight_bits: int) -> tuple[str, str]:
    """The form that is taken, and why: of the network as it is, and with adders."""
    if adders[1].synapse_memory >= plain[1].synapse_memory:
        return DUPLICATE, "adders would save no synapse memory"
    if _aligns(plain[0], target, weight_bits) and not _aligns(adders[0], target, weight_bits):
        return DUPLICATE, "the ticks that adders take leave no schedule"
    return ADDER, "it takes less synapse memory"


def _aligns(network: Network, target: LoihiTarget, weight_bits: int) -> bool:
    try:
        spiking = with_spikes_only(network)
        relay(spiking, align(spiking), target, weight_bits)
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
    plain: list[Point] = []  # adders after a point that is none
    direct = len(point.consumers) * new
    total, adders = new + len(point.consumers) * one, [point]
    for child in point.children:
        memory_after, after = _cheapest(child, above, streams, prices)
        direct, plain = direct + memory_after, plain + after
        memory_after, after = _cheapest(child, point, streams, prices)
        total, adders = total + memory_after, adders + after
    return (total, adders) if total < direct else (direct, plain)


def with_adders(network: Network, streams: Streams, points: Sequence[Point]) -> Network:
    """The network with an adder population for each of these points of its streams."""
    names = {p.name for p in network.populations}
    adder: dict[int, Population] = {}  # by id of the point
    before: dict[str, Population] = {}  # adders by the population that they stand before
    wires: list[Projection] = []
    duplicates: set[Projection] = set()
    for point in streams.points:
        above = _nearest(point.parent, points)
        if point in points:
            first = point.consumers[0].population
            name = free_name(f"{first.name}.stream", names)
            names.add(name)
            new = Population(name, first.shape, Adder(), where=first.where)
            adder[id(point)] = before[first.name] = new
            wires += _synapses(point, above, new, streams, adder)
            above = point
        if above is None:
            continue
        for consumer in point.consumers:
            target = consumer.population
            duplicates |= {p for n, p in consumer.terms.items() if n in above.terms}
            wire = identity(target.shape)
            wires.append(Projection(
                adder[id(above)].name, target.name, wire if consumer.gain == 1 else
                wire.times(np.full(target.size, consumer.gain)), where=target.where))
    return replace(
        network, projections=(*(p for p in network.projections if p not in duplicates), *wires),
        populations=tuple(q for p in network.populations
                          for q in (*([before[p.name]] if p.name in before else []), p)))


def _nearest(point: Point | None, points: Sequence[Point]) -> Point | None:
    """The first point from here on towards the root that is an adder."""
    while point is not None and point not in points:
        point = point.parent
    return point


def _synapses(point: Point, above: Point | None, new: Population, streams: Streams,
              adder: Mapping[int, Population]) -> Iterator[Projection]:
    """What a new adder receives: the adder before it, and the terms since."""
    if above is not None:
        yield Projection(adder[id(above)].name, new.name, identity(new.shape), where=new.where)
    for number in sorted(point.terms - (above.terms if above else frozenset())):
        term = streams.terms[number]
        operator = term.operator if term.gain == 1 else term.operator.times(
            np.full(new.size, 1 / term.gain))
        yield Projection(term.source, new.name, operator, where=new.where)
