"""resources.json and mapping.json of any compilation, from what its family says that it takes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from neurocompile.families.compilation import Compilation
from neurocompile.families.demand import Demand
from neurocompile.families.routes import DIGITS, load, routes, traffic
from neurocompile.ir.host_program import HostProgram
from neurocompile.ir.mapping import CoreSlice, Partition
from neurocompile.ir.network import Adder, Network, Population, Readout, whole
from neurocompile.ir.operators import Array
from neurocompile.passes.pruning.prune import Pruning, n_neurons, n_synapses
from neurocompile.report.model.layout import CorePlace, Layout, PopulationOrder, SlicePlace
from neurocompile.report.model.pruning import (
    AxisFacts,
    PopulationChange,
    PruningFacts,
    SelectionFacts,
    SizeChange,
)
from neurocompile.report.model.resources import (
    CoreAmount,
    CoreFacts,
    Extreme,
    FullestCore,
    InputFacts,
    PopulationFacts,
    ReadoutFacts,
    Resources,
    SliceFacts,
    TargetFacts,
    Totals,
)
from neurocompile.report.plain import to_json
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.target import Quantity, Target


def resources(compilation: Compilation, demand: Demand, records: Mapping[str, Any]) -> Resources:
    """What the mapping takes; `records` is what the sections of the report keep."""
    target, network = compilation.target, compilation.network
    cores = _cores(network, demand)
    return Resources(
        target=TargetFacts(
            name=target.name, family=target.family, description=target.description,
            path=target.path, cores_per_chip=target.chip.cores.value,
            grid_width=target.chip.grid_width.value),
        limits=_limits(target), resources=dict(demand.resources),
        inputs=tuple(InputFacts(name=item.name, kind=item.kind.value, shape=tuple(item.shape),
                                sources=item.size) for item in network.inputs),
        pruning=None if compilation.pruning is None else _pruning(compilation.pruning),
        populations=tuple(_populations(compilation, demand, cores)),
        readouts=_readouts(network), cores=cores, totals=_totals(compilation, demand, cores),
        traffic=traffic(demand.mapping), sections=to_json(records))


def layout(target: Target, demand: Demand) -> Layout:
    """What sits where."""
    partition, placement = demand.mapping.partition, demand.mapping.placement
    names = partition.order_names
    return Layout(
        target=target.name,
        populations={name: PopulationOrder(neurons=len(order), order=names[name])
                     for name, order in partition.orders.items()},
        cores=tuple(
            CorePlace(core=number, chip=at.chip, x=at.x, y=at.y, usage=dict(usage),
                      slices=tuple(SlicePlace(population=p.population, order=names[p.population],
                                              start=p.start, stop=p.stop) for p in pieces))
            for number, (pieces, at, usage) in enumerate(
                zip(partition.cores, placement.cores, demand.cores, strict=True))),
        routing=routes(demand.mapping.routing, placement))


def _limits(target: Target) -> dict[str, dict[str, Quantity]]:
    """Every number of the target by table and key."""
    tables: dict[str, dict[str, Quantity]] = defaultdict(dict)
    for key, quantity in target.quantities():
        table, name = key.split(".", 1)
        tables[table][name] = quantity
    return dict(tables)


def selection(pruning: Pruning) -> SelectionFacts:
    """The tokens and ticks that are kept."""
    tokens, ticks = (None if axis is None else AxisFacts(
        numbers=axis.numbers, length=axis.length, siv=axis.siv)
        for axis in (pruning.selection.tokens, pruning.selection.ticks))
    return SelectionFacts(tokens=tokens, ticks=ticks)


def _pruning(pruning: Pruning) -> PruningFacts:
    before, after = pruning.before, pruning.after
    sizes = {p.name: p.size for p in after.populations}
    axes = selection(pruning)
    return PruningFacts(
        tokens=axes.tokens, ticks=axes.ticks,
        neurons=SizeChange(before=n_neurons(before), after=n_neurons(after)),
        synapses=SizeChange(before=n_synapses(before), after=n_synapses(after)),
        populations=tuple(PopulationChange(name=p.name, before=p.size, after=sizes[p.name])
                          for p in before.populations if sizes[p.name] != p.size))


def _readouts(network: Network) -> tuple[ReadoutFacts, ...]:
    sizes = {p.name: p.size for p in network.populations}
    return tuple(ReadoutFacts(
        name=one.name, shape=tuple(one.shape), read=sum(sizes.get(name, 0) for name in one.sources),
        **_reading(one)) for one in network.outputs)


def _reading(output: Readout | HostProgram) -> dict[str, Any]:
    """How the host computes an output."""
    if isinstance(output, HostProgram):
        return {"ticks": "program", "on_chip": False, "operators": output.operators}
    return {"ticks": output.ticks, "on_chip": output.accumulator is not None}


def _cores(network: Network, demand: Demand) -> tuple[CoreFacts, ...]:
    mapping = demand.mapping
    outward, inward = load(mapping)
    facts = []
    for number, (pieces, at, usage) in enumerate(zip(
            mapping.partition.cores, mapping.placement.cores, demand.cores, strict=True)):
        shares = {name: usage[name] / one.limit for name, one in demand.resources.items()}
        binding = max(shares, key=lambda name: shares[name])
        facts.append(CoreFacts(
            core=number, chip=at.chip, x=at.x, y=at.y,
            role=demand.roles[number] if demand.roles else "",
            slices=tuple(_slice(mapping.partition, network, piece) for piece in pieces),
            resources={name: CoreAmount(
                amount=usage[name], limit=one.limit, headroom=one.limit - usage[name],
                utilization=round(shares[name], DIGITS)) for name, one in demand.resources.items()},
            binding=binding, utilization=round(shares[binding], DIGITS),
            messages_sent=round(float(outward[number]), DIGITS),
            messages_received=round(float(inward[number]), DIGITS)))
    return tuple(facts)


def _slice(partition: Partition, network: Network, piece: CoreSlice) -> SliceFacts:
    shape = network.population(piece.population).shape
    axes = np.unravel_index(partition.neurons(piece), shape) if shape else ()
    box = tuple((int(axis.min()), int(axis.max()) + 1) for axis in axes)
    volume = int(np.prod([high - low for low, high in box], dtype=np.int64))
    return SliceFacts(population=piece.population, start=piece.start, stop=piece.stop,
                      order=partition.order_names[piece.population], box=box,
                      fills_box=volume == piece.size)


def _populations(compilation: Compilation, demand: Demand, cores: Sequence[CoreFacts]
                 ) -> Iterable[PopulationFacts]:
    """In the network's order; those on the host take no core."""
    holders: dict[str, list[CoreFacts]] = defaultdict(list)
    for core in cores:
        for name in dict.fromkeys(piece.population for piece in core.slices):
            holders[name].append(core)
    for population in compilation.network.order():
        yield _population(compilation, demand, population, holders[population.name])


def _population(compilation: Compilation, demand: Demand, population: Population,
                holders: Sequence[CoreFacts]) -> PopulationFacts:
    name, network = population.name, compilation.network
    fidelity = compilation.fidelity
    rate = None if fidelity is None else fidelity.rates.get(name)
    own = demand.populations.get(name)
    limits = {resource: one.limit for resource, one in demand.resources.items()}
    usage = dict(own.usage) if own else dict.fromkeys(limits, 0)
    shares = {resource: amount / (limits[resource] * max(len(holders), 1))
              for resource, amount in usage.items()}
    bounds = _bounds(own.least if own else {}, limits)
    fullest = max(holders, key=lambda core: (core.utilization, -core.core), default=None)
    return PopulationFacts(
        name=name, model=model_name(compilation.floating, population),
        shape=tuple(population.shape), neurons=population.size, where=str(population.where),
        on_host=population.on_host, depth=demand.depth.get(name, 0),
        rate=None if rate is None else round(rate, DIGITS),
        synapses=_synapses(network, population),
        distinct_weights=sum(int(p.operator.weights.size) for p in network.into(name)),
        weight_bits=own.weight_bits and _bits_in_use(network, name) if own else None,
        order=demand.mapping.partition.order_names.get(name), cores=len(holders),
        lower_bound=max(bounds.values(), default=0), lower_bounds=bounds, usage=usage,
        utilization=_round(shares),
        binding=max(shares, key=lambda resource: shares[resource]) if holders else None,
        binds_on=_binds_on(holders, limits),
        worst=None if fullest is None else FullestCore(
            core=fullest.core, resource=fullest.binding, utilization=fullest.utilization))


def _bits_in_use(network: Network, name: str) -> int:
    """Bits that the stored weights into a population take: those of its widest projection."""
    return max((_bits(p.operator.weights) for p in whole(network.into(name))), default=0)


def _bits(weights: Array) -> int:
    """Bits of whole numbers in steps of their common divisor, a sign where one is negative."""
    values = np.unique(weights).astype(np.int64)
    step = int(np.gcd.reduce(values)) if len(values) else 0
    if not step:
        return 0
    low, high = int(values[0]) // step, int(values[-1]) // step
    return max(high, -low - 1).bit_length() + (low < 0)


def model_name(floating: Network, population: Population) -> str:
    """Neuron model and reset, as in `LIF hard`; `relay` for what only repeats spikes."""
    if population.repeats is not None:
        return "relay"
    neuron = population.neuron
    if isinstance(neuron, Adder):
        return "adder"
    original = next((p.neuron for p in floating.populations if p.name == population.name), None)
    model = original.model if isinstance(original, FloatNeuron) else neuron.model
    return f"{model} {neuron.reset.value}"


def _totals(compilation: Compilation, demand: Demand, cores: Sequence[CoreFacts]) -> Totals:
    network, target = compilation.network, compilation.target
    on_chip = [p for p in network.populations if not p.on_host]
    limits = {name: one.limit for name, one in demand.resources.items()}
    bounds = _bounds(demand.least, limits)
    return Totals(
        cores=len(cores), cores_available=target.total_cores,
        lower_bound=max(bounds.values(), default=0), lower_bounds=bounds,
        least=dict(demand.least), chips=len({core.chip for core in cores}),
        chips_available=target.chip.chips.value, populations=len(on_chip),
        neurons=sum(p.size for p in on_chip),
        host_neurons=sum(p.size for p in network.populations if p.on_host),
        synapses=sum(_synapses(network, p) for p in on_chip),
        ticks=network.n_ticks, latency=demand.latency, binds_on=_binds_on(cores, limits),
        mean=_round({name: sum(core.resources[name].amount for core in cores)
                       / (limit * max(len(cores), 1)) for name, limit in limits.items()}),
        worst={name: _fullest(cores, name) for name in limits} if cores else {})


def _fullest(cores: Sequence[CoreFacts], resource: str) -> Extreme:
    """The core that takes most of a resource: the first of several."""
    core = max(cores, key=lambda one: (one.resources[resource].amount, -one.core))
    most = core.resources[resource]
    return Extreme(core=core.core, amount=most.amount, limit=most.limit,
                   utilization=most.utilization, headroom=most.headroom)


def _bounds(least: Mapping[str, int], limits: Mapping[str, int]) -> dict[str, int]:
    """Cores that amounts need at least, by resource."""
    return {name: -(-amount // max(limits[name], 1)) for name, amount in least.items()}


def _binds_on(cores: Iterable[CoreFacts], limits: Iterable[str]) -> dict[str, int]:
    counts = Counter(core.binding for core in cores)
    return {name: counts[name] for name in limits if counts[name]}


def _synapses(network: Network, population: Population) -> int:
    return sum(p.operator.n_synapses for p in network.into(population.name))


def _round(shares: Mapping[str, float]) -> dict[str, float]:
    return {name: round(share, DIGITS) for name, share in shares.items()}
