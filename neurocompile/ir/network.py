"""The Network: populations joined by projections, for one tick of one sample.

No batch axis, no time axis. First in float (its neurons are `FloatNeuron`s), after quantization in
a chip's integers (`IntegerNeuron`). A network's float form is already in normal form: a neuron
with retention `decay` gets its input as it is, so gains such as 1/tau are inside the weights.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.ir.encoder import Encoder
from neurocompile.ir.host_program import HostProgram
from neurocompile.ir.operators import Array, Operator, Shape
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset

if TYPE_CHECKING:
    import torch

    from neurocompile.semantics.vectorized import Batch


class InputKind(enum.Enum):
    """What an input delivers per tick."""

    STATIC = "static"  # one analog value per sample, the same in every tick (direct coding)
    ANALOG = "analog"  # an analog value per tick
    SPIKES = "spikes"  # integer spike counts per tick: 0/1, or graded up to `levels`
    ONE = "one"  # a single source that spikes in every tick (carries biases through synapses)


ANALOG = (InputKind.STATIC, InputKind.ANALOG)  # kinds of inputs with real values


@dataclass(frozen=True, slots=True)
class Input:
    """A named input of the network; `shape` is that of one tick of one sample."""

    name: str
    shape: Shape
    kind: InputKind
    low: float = 0.0  # range of its values, from the example input
    high: float = 1.0
    levels: int = 1  # largest integer it sends once quantized (graded spikes)
    scale: float = 1.0  # integer value = round(analog value * scale), for graded inputs
    ticks: tuple[bool, ...] = ()  # which ticks of the data it takes; empty: all

    @property
    def size(self) -> int:
        """Sources."""
        return math.prod(self.shape)

    def select_ticks(self, x: Array) -> Array:
        """The ticks of data [samples, ticks, ...] that the network computes; all of static data."""
        return x[:, list(self.ticks)] if self.ticks else x

    def integers(self, x: Array) -> NDArray[np.int64]:
        """What the chip receives for values: rounded half to even, clipped to 0..levels.

        Spikes are never clipped: counts beyond `levels` raise UsageError (NC008).
        """
        counts: NDArray[np.float64] = np.rint(np.asarray(x, np.float64) * self.scale)
        if self.kind is InputKind.SPIKES and not np.all((counts >= 0) & (counts <= self.levels)):
            raise UsageError(Diagnostic("NC008", Location(self.name), {
                "file": self.name, "reason": f"its counts go from {counts.min():g} to "
                f"{counts.max():g}; the network was built for 0 to {self.levels}"}))
        return np.clip(counts, 0, self.levels).astype(np.int64)

    def trains(self, x: Array, n_ticks: int) -> NDArray[np.int64]:
        """What the chip receives [samples, ticks, sources].

        A static value is rounded otherwise in each tick, such that what it has sent is right to half
        a unit in all: sums do not drift.
        """
        if self.kind is not InputKind.STATIC:
            return self.integers(x).reshape(len(x), n_ticks, self.size)
        values = np.asarray(x, np.float64).reshape(len(x), 1, self.size) * self.scale
        sums = np.rint(values.clip(0, self.levels) * np.arange(n_ticks + 1)[:, None])
        return np.diff(sums, axis=1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Bias:
    """A constant current per neuron and tick: `mantissa << exponent` (exponent 0 in float)."""

    mantissa: Array  # [neurons]
    exponent: int = 0

    @property
    def value(self) -> Array:
        """What is added to v in every tick."""
        return self.mantissa * (1 << self.exponent)


@dataclass(frozen=True, eq=False)
class Adder:
    """Sends what its synapses deliver in a tick as a graded spike: no threshold, no memory.

    `low` and `high` [neurons] are the range of what it sends in integers; empty in float.
    """

    low: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    high: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def reach(self) -> int:
        """The largest magnitude that it can send."""
        return int(max(-self.low.min(initial=0), self.high.max(initial=0)))


class IntegerNeuron(Protocol):
    """A chip's neuron, the same for all of a population: what the reference and reports need."""

    @property
    def model(self) -> str:
        """Its model in a word, as in `LIF`."""

    @property
    def reset(self) -> Reset:
        """What a spike does to its potential."""

    @property
    def states(self) -> tuple[str, ...]:
        """The names of its states; the potential is `v`."""

    def executor(self, bias: torch.Tensor | None, shape: tuple[int, int], device: str) -> Batch:
        """A population of [samples, neurons] of them, on a device; states are zero.

        The bias is [neurons], [samples, neurons] or [samples, ticks, neurons].
        """


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one model and parameter set."""

    name: str
    shape: Shape
    neuron: FloatNeuron | IntegerNeuron | Adder
    bias: Bias | None = None
    on_host: bool = False  # simulated by the host, which sends its spikes to the chip
    where: Location = field(default_factory=Location)
    repeats: str | None = None  # of a relay: the population or input whose spikes it sends on
    saturates: bool = False  # some input may clip v, as its equations say; else proved not to

    @property
    def size(self) -> int:
        """Neurons."""
        return math.prod(self.shape)

    @property
    def graded(self) -> bool:
        """Whether it sends whole numbers, signed, instead of spikes."""
        return isinstance(self.neuron, Adder)

    @property
    def floating(self) -> FloatNeuron:
        """The neuron of a float network. Raises TypeError in an integer one."""
        if not isinstance(self.neuron, FloatNeuron):
            raise TypeError(f"`{self.name}` is no float population")
        return self.neuron

    @property
    def chip_neuron(self) -> IntegerNeuron:
        """The chip's neuron of an integer network. Raises TypeError for a float one or an adder."""
        if isinstance(self.neuron, FloatNeuron | Adder):
            raise TypeError(f"`{self.name}` has no neuron of a chip")
        return self.neuron


Encoding = Literal["dense", "sparse", "shared"]


@dataclass(frozen=True, eq=False)
class Projection:
    """All synapses from one population (or input) to one population.

    In integers a delivered sum is `(operator @ spikes) << exponent`, and weights keep the sign
    mode's grid. `delay` is in ticks of the model: 0 for the same tick, 1 for feedback.
    `encoding` is how a core stores its synapses: a dense list per source, a sparse one without the
    weights that are zero, or dense lists that the sources of a convolution share; `weight_bits` are
    those of a stored weight there. `low`: its weights are the lower parts of those that the projection
    before it has the upper parts of.
    """

    source: str
    target: str
    operator: Operator
    exponent: int = 0
    delay: int = 0
    where: Location = field(default_factory=Location)
    encoding: Encoding = "dense"
    weight_bits: int = 8
    low: bool = False

    @property
    def name(self) -> str:
        """`source -> target`, the name in findings and reports."""
        return f"{self.source} -> {self.target}"


def whole(projections: Iterable[Projection]) -> Iterator[Projection]:
    """Projections in their order, upper and lower parts of weights added up, at the lower exponent."""
    upper: Projection | None = None
    for projection in projections:
        if upper is not None and projection.low:
            weights = upper.operator.weights.astype(np.int64) << upper.exponent - projection.exponent
            projection = replace(
                upper, operator=upper.operator.with_weights(weights + projection.operator.weights),
                exponent=projection.exponent, weight_bits=upper.weight_bits + projection.weight_bits)
        elif upper is not None:
            yield upper
        upper = projection
    if upper is not None:
        yield upper


@dataclass(frozen=True, eq=False)
class Readout:
    """Host-side linear map of spikes: `operator @ spikes + bias`, several terms added up.

    `ticks` says whose spikes: "sum" for counts over all ticks, "each" for one value per tick, or
    the number of a tick. The term of an accumulator, a population that never fires, reads its
    potential after a sample's last tick, which is a sum over all of them.
    """

    name: str
    shape: Shape  # of one value
    terms: tuple[tuple[str, Operator], ...]  # (population or input, operator)
    bias: Array  # [outputs] float64
    ticks: Literal["sum", "each"] | int = "sum"
    accumulator: str | None = None  # the population of its first term, if that is one
    number: int = 0  # its place among the model's outputs

    @property
    def sources(self) -> tuple[str, ...]:
        """The populations and inputs that it reads."""
        return tuple(name for name, _ in self.terms)

    def values(self, read: Mapping[str, Array]) -> Array:
        """Values [samples, *shape] of counts or spikes [samples, neurons] by source."""
        total: Array = self.bias[None, :]
        for source, operator in self.terms:
            total = total + operator.apply(read[source].astype(np.float64))
        return np.asarray(total).reshape(-1, *self.shape)

    def answers(self, values: Array) -> NDArray[np.int64]:
        """Per sample the index of the largest value, over all ticks where each has its own."""
        totals = values.sum(axis=1) if self.ticks == "each" else values
        answers: NDArray[np.int64] = totals.reshape(len(values), -1).argmax(1)
        return answers


@dataclass(frozen=True, eq=False)
class Network:
    """A whole spiking network. Names of inputs and populations are unique together."""

    inputs: tuple[Input, ...]
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    readouts: tuple[Readout, ...]
    n_ticks: int  # ticks per sample
    encoders: tuple[Encoder, ...] = ()
    host_programs: tuple[HostProgram, ...] = ()

    @property
    def outputs(self) -> tuple[Readout | HostProgram, ...]:
        """All outputs that the host computes, in the order of the model's."""
        return tuple(sorted((*self.readouts, *self.host_programs), key=lambda one: one.number))

    def population(self, name: str) -> Population:
        """The population of that name. Raises KeyError."""
        return next(p for p in self.populations if p.name == name)

    @property
    def accumulators(self) -> frozenset[str]:
        """The populations whose potential is read, and which never fire."""
        return frozenset(r.accumulator for r in self.readouts if r.accumulator is not None)

    def sources(self) -> dict[str, Input | Population]:
        """Inputs and populations by name."""
        items: tuple[Input | Population, ...] = (*self.inputs, *self.populations)
        return {item.name: item for item in items}

    def feeds(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The data of its inputs, by name, in the ticks that it computes."""
        return {item.name: item.select_ticks(np.asarray(arrays[item.name])) for item in self.inputs
                if item.name in arrays}

    def encoder_rows(self, encoder: Encoder, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """What an encoder reads, [samples * ticks, *shape] by name; ticks is 1 if all are static.

        `arrays`: the data in the ticks that the network computes (`feeds`).
        """
        kinds = {item.name: item.kind for item in self.inputs}
        timed = any(kinds[source] is InputKind.ANALOG for source in encoder.sources)
        return {source: _rows(np.asarray(arrays[source]), kinds[source], self.n_ticks if timed else 1)
                for source in encoder.sources}

    def into(self, name: str) -> Iterator[Projection]:
        """Projections into a population."""
        return (p for p in self.projections if p.target == name)

    def out_of(self, name: str) -> Iterator[Projection]:
        """Projections out of a population or input."""
        return (p for p in self.projections if p.source == name)

    def graph(self) -> nx.MultiDiGraph:
        """Populations and inputs as nodes, projections as edges (attribute `projection`)."""
        graph = nx.MultiDiGraph()
        graph.add_nodes_from(self.sources())
        for projection in self.projections:
            graph.add_edge(projection.source, projection.target, projection=projection)
        for encoder in self.encoders:
            for source in encoder.sources:
                graph.add_edge(source, encoder.target, encoder=encoder)
        return graph

    def order(self) -> list[Population]:
        """Populations such that same-tick sources come first. Cycles need a delayed projection."""
        graph = nx.DiGraph()
        graph.add_nodes_from(p.name for p in self.populations)
        names = set(graph)
        graph.add_edges_from((p.source, p.target) for p in self.projections
                             if p.delay == 0 and p.source in names)
        by_name = {p.name: p for p in self.populations}
        return [by_name[name] for name in nx.lexicographical_topological_sort(graph)]


def _rows(x: Array, kind: InputKind, n_ticks: int) -> Array:
    """[samples * ticks, *shape]; what is static repeats in each tick."""
    if kind is InputKind.STATIC:
        return np.repeat(x, n_ticks, axis=0)
    return x.reshape(-1, *x.shape[2:])


def free_name(name: str, names: Collection[str]) -> str:
    """The name, with an apostrophe for each one before it that is taken."""
    return free_name(f"{name}'", names) if name in names else name
