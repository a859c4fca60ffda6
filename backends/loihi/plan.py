"""Which Lava process stands for which part of a network, and in which step it acts.

Model names stay out of here: parts are `i000` (inputs), `n000` (populations) and `p000`
(projections), in the network's own order.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import networkx as nx

from neurocompile.backends.loihi.bits import chip_part, is_graded, sign_mode
from neurocompile.backends.loihi.lava_form import View, lava_form
from neurocompile.diagnostics import Diagnostic, InternalError
from neurocompile.ir.network import Input, InputKind, Network, Projection
from neurocompile.ir.operators import Conv, Dense, Sparse
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget

PROCESS = {
    Reset.HARD: "LIFReset", Reset.SOFT: "SoftLIF", Reset.SOFT_DELAYED: "SoftDelayedLIF",
    Reset.HARD_DELAYED: "HardDelayedLIF", Reset.NONE: "NonResettingLIF",
}
ADDER = "GradedSum"


@dataclass(frozen=True, slots=True)
class Neurons:
    """A population on chip; it computes tick 0 of sample 0 in step `first`."""

    id: str
    name: str
    size: int
    process: str
    neuron: LoihiNeuron | None  # None: an adder
    first: int
    offset: int  # steps t with t % n_ticks == offset start a sample here
    bias: str  # "none", "static" or "encoder"
    bias_exponent: int
    accumulates: bool  # never fires: its v at a sample's end is read


@dataclass(frozen=True, slots=True)
class Source:
    """Spikes that come from the host: an input, or a population that it simulates."""

    id: str
    name: str
    size: int
    always: bool  # one source that spikes in every step
    message_bits: int


@dataclass(frozen=True, slots=True)
class Synapses:
    """A projection; `delay` counts steps beyond the ordinary next one."""

    id: str
    source: str
    target: str
    process: str  # Dense, DelayDense, Sparse, DelaySparse or Conv
    operator: Conv | Dense | Sparse  # as Lava has it
    source_view: View | None  # of a convolution
    target_view: View | None
    synapses: int
    exponent: int
    sign_mode: str
    message_bits: int
    delay: int
    gate_delay: int  # model ticks, 0: no gate
    gate_first: int
    in_size: int
    out_size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole program."""

    n_ticks: int
    latency: int
    sources: tuple[Source, ...]
    neurons: tuple[Neurons, ...]
    synapses: tuple[Synapses, ...]
    ties: tuple[tuple[str, str], ...]  # pairs of populations that join separate parts
    arrays: dict[str, tuple[int, ...]]  # key in inputs.npz -> shape of one sample


def part_ids(network: Network) -> dict[str, str]:
    """Ids of inputs and populations by name."""
    ids = {p.name: f"n{i:03}" for i, p in enumerate(network.populations)}
    return ids | {p.name: f"i{i:03}" for i, p in enumerate(network.inputs)}


def make_plan(network: Network, schedule: Schedule, target: LoihiTarget) -> Plan:
    """The plan of an integer network that passed `check_bits`."""
    populations, projections = chip_part(network)
    ids = part_ids(network)
    off_chip = {p.source for p in projections} - {p.name for p in populations}
    sources = tuple(
        Source(id=ids[name], name=name, size=item.size,
               always=isinstance(item, Input) and item.kind is InputKind.ONE,
               message_bits=target.synapse.message_bits.value if is_graded(item) else 0)
        for name, item in network.sources().items() if name in off_chip)
    bits = {s.id: s.message_bits for s in sources}
    bits |= {ids[p.name]: target.synapse.message_bits.value for p in populations if p.graded}
    encoders = {e.target: e for e in network.encoders}
    neurons = []
    for population in populations:
        bias, encoder = population.bias, encoders.get(population.name)
        if bias is not None and encoder is not None:
            raise InternalError(Diagnostic("NC901", population.where, {
                "stage": "quantize", "predicate": "one-bias",
                "detail": f"{population.name} has a static bias and an encoder"}))
        neuron = None if population.graded else loihi_neuron(population)
        first = schedule.depth[population.name] + 1
        neurons.append(Neurons(
            id=ids[population.name], name=population.name, size=population.size,
            process=ADDER if neuron is None else PROCESS[neuron.reset], neuron=neuron, first=first,
            offset=first % schedule.n_ticks,
            bias="static" if bias is not None else "encoder" if encoder is not None else "none",
            bias_exponent=bias.exponent if bias is not None else encoder.exponent if encoder else 0,
            accumulates=population.name in network.accumulators))
    waits = dict(schedule.waits(network))
    synapses = tuple(
        _synapses(f"p{i:03}", projection, waits[projection], ids, bits, schedule)
        for i, projection in enumerate(network.projections) if projection in waits)
    shapes: dict[str, tuple[int, ...]] = {
        f"bias_{n.id}": (n.size,) for n in neurons if n.bias == "encoder"}
    shapes |= {f"spikes_{s.id}": (schedule.n_ticks, s.size) for s in sources if not s.always}
    return Plan(
        n_ticks=schedule.n_ticks, latency=schedule.latency, sources=sources, neurons=tuple(neurons),
        synapses=synapses, ties=_ties(neurons, synapses), arrays=shapes)


def _synapses(id_: str, projection: Projection, delay: int, ids: dict[str, str],
              bits: dict[str, int], schedule: Schedule) -> Synapses:
    source = ids[projection.source]
    form = lava_form(projection.operator)
    operator = form.operator
    if isinstance(operator, Conv):
        process = "Conv"
    elif isinstance(operator, Dense):
        process = "DelayDense" if delay else "Dense"
    else:
        process = "DelaySparse" if delay else "Sparse"
    return Synapses(
        id=id_, source=source, target=ids[projection.target], process=process, operator=operator,
        source_view=form.source, target_view=form.target, synapses=projection.operator.n_synapses,
        exponent=projection.exponent, sign_mode=sign_mode(operator.weights).value,
        message_bits=bits.get(source, 0), delay=delay, gate_delay=projection.delay,
        gate_first=schedule.depth[projection.source] + 1, in_size=operator.in_size,
        out_size=operator.out_size)


def _ties(neurons: list[Neurons], synapses: tuple[Synapses, ...]) -> tuple[tuple[str, str], ...]:
    """Lava runs what hangs together; each further part is tied to the one before."""
    graph = nx.Graph()
    graph.add_nodes_from(n.id for n in neurons)
    graph.add_edges_from((s.source, s.target) for s in synapses)
    on_chip_ids = {n.id for n in neurons}
    parts = sorted(min(part & on_chip_ids) for part in nx.connected_components(graph))
    return tuple(itertools.pairwise(parts))


def without_names(plan: Plan) -> Plan:
    """The plan without the model's names: all that a template may see."""
    return replace(plan, neurons=tuple(replace(n, name="") for n in plan.neurons),
                   sources=tuple(replace(s, name="") for s in plan.sources))
