"""Runs a Network tick by tick, all samples at once: the reference that a chip's spikes must equal.

Integer networks are computed exactly, by the rules of their chip's `semantics`; float networks in
float64, by their normal form. Every population computes the same tick at the same time, as in
PyTorch: no chip latency.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from neurocompile.backends.synchronous.arithmetic import LinearMap, float_map, integer_map
from neurocompile.backends.synchronous.host_program import program_output
from neurocompile.backends.synchronous.neurons import AdderBatch, FloatBatch
from neurocompile.ir.encoder import Encoder
from neurocompile.ir.host_program import HostProgram
from neurocompile.ir.network import (
    Adder,
    Input,
    InputKind,
    Network,
    Population,
    Projection,
    Readout,
)
from neurocompile.ir.operators import Array
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.vectorized import Batch


@dataclass(frozen=True, eq=False)
class Run:
    """What a run gave, by population name: arrays [samples, ticks, neurons]."""

    spikes: dict[str, Array]  # uint8; what adders send: int32, in a float network float64
    v: dict[str, Array] = field(default_factory=dict)  # as the reset leaves it; if recorded
    inputs: dict[str, Array] = field(default_factory=dict)  # that readouts read; static: 1 tick
    sums: dict[str, Array] = field(default_factory=dict)  # accumulators' v at the end, no ticks
    saturations: dict[str, int] = field(default_factory=dict)  # ticks of neurons whose v was clipped
    peaks: dict[str, float] = field(default_factory=dict)  # of float neurons: the largest |v|
    ties: dict[str, int] = field(default_factory=dict)  # and how often v lay on the threshold

    def counts(self) -> dict[str, Array]:
        """Spikes over all ticks [samples, neurons], and the inputs; a static one counts once.

        Of an accumulator it is what it holds.
        """
        spikes = {name: s.sum(axis=1, dtype=np.result_type(s, np.int64))
                  for name, s in self.spikes.items()}
        return {**spikes, **{name: x.sum(axis=1) for name, x in self.inputs.items()}, **self.sums}

    def at(self, tick: int) -> dict[str, Array]:
        """Spikes of one tick [samples, neurons], and the inputs."""
        return {name: x[:, tick if x.shape[1] > 1 else 0]
                for name, x in {**self.spikes, **self.inputs}.items()}

    def read(self, readout: Readout | HostProgram) -> Array:
        """An output's values [samples, *shape], or [samples, ticks, *shape] where each has one."""
        if isinstance(readout, HostProgram):
            return program_output(readout, {**self.spikes, **self.inputs})
        if readout.ticks == "sum":
            return readout.values(self.counts())
        if readout.ticks == "each":
            n_ticks = next(iter(self.spikes.values())).shape[1]
            return np.stack([readout.values(self.at(t)) for t in range(n_ticks)], axis=1)
        return readout.values(self.at(readout.ticks))


class Executor:
    """A network made ready to run on a device ("cpu", "cuda"); reusable for any batch."""

    def __init__(self, network: Network, device: str = "cpu") -> None:
        self.network, self.device = network, device
        self.integer = any(not isinstance(p.neuron, FloatNeuron | Adder)
                           for p in network.populations)
        self.dtype = torch.int64 if self.integer else torch.float64
        self._inputs = {item.name: item for item in network.inputs}
        self._sources = network.sources()
        self._maps = {id(p): self._map(p) for p in network.projections}
        self._order = network.order()
        self._by_tick = any(p.delay for p in network.projections)
        self._read = {source for output in network.outputs for source in output.sources}

    def _map(self, projection: Projection) -> LinearMap:
        if not self.integer:
            return float_map(projection.operator, torch.float64, self.device)
        source = self._sources[projection.source]
        low, high = 0, source.levels if isinstance(source, Input) else 1
        if isinstance(source, Population) and isinstance(source.neuron, Adder):
            low, high = -source.neuron.reach, source.neuron.reach
        return integer_map(projection.operator, high, self.device, projection.where, low)

    def run(self, inputs: Mapping[str, Array], record_state: bool = False) -> Run:
        """Spikes for inputs [samples, *shape] (static) or [samples, ticks, *shape], by name.

        Only the ticks that an input takes are run. Static inputs without an encoder are held for
        all ticks. State starts at zero.
        """
        n_samples = len(next(iter(inputs.values())))
        inputs = self.network.feeds(inputs)
        messages = {name: [x] for name, x in self.input_messages(inputs, n_samples).items()}
        messages.update({p.name: [] for p in self._order})
        currents = self.encoder_currents(inputs, n_samples)
        populations = {p.name: self.batch(p, currents.get(p.name), n_samples)
                       for p in self._order}
        ticks = self.network.n_ticks
        chunks = [(t, t + 1) for t in range(ticks)] if self._by_tick else [(0, ticks)]
        traces: dict[str, list[torch.Tensor]] = {p.name: [] for p in self._order}
        for start, stop in chunks:
            for population in self._order:
                name = population.name
                current = self._current(population, messages, n_samples, start, stop)
                trace = torch.empty_like(current) if record_state else None
                spikes = populations[name].advance(current, trace)
                messages[name].append(spikes)
                if trace is not None:
                    traces[name].append(trace)
        return Run(
            spikes={p.name: self._all_ticks(p, messages[p.name]) for p in self._order},
            v={name: _concatenate(parts).cpu().numpy() for name, parts in traces.items() if parts},
            inputs={item.name: _as_read(item, inputs[item.name], n_samples)
                    for item in self._inputs.values() if item.name in self._read},
            sums={name: batch.potential.cpu().numpy() for name, batch in populations.items()
                  if name in self.network.accumulators},
            saturations={name: batch.saturations for name, batch in populations.items()},
            peaks={name: batch.peak for name, batch in populations.items()},
            ties={name: batch.ties for name, batch in populations.items()})

    def _all_ticks(self, population: Population, parts: list[torch.Tensor]) -> Array:
        """All ticks of what a population sent, as `Run` holds them."""
        wide = torch.int32 if self.integer else torch.float64
        spikes = _concatenate(parts).to(wide if population.graded else torch.uint8)
        return np.asarray(spikes.cpu().numpy())

    def input_messages(self, inputs: Mapping[str, Array], n_samples: int
                       ) -> dict[str, torch.Tensor]:
        """What the inputs send for their feeds: [samples, ticks, sources]; static: one tick."""
        return {name: self._input_message(item, inputs, n_samples)
                for name, item in self._inputs.items()}

    def _input_message(self, item: Input, inputs: Mapping[str, Array],
                       n_samples: int) -> torch.Tensor:
        if item.kind is InputKind.ONE:
            return torch.ones(n_samples, 1, item.size, dtype=torch.int64, device=self.device)
        x = np.asarray(inputs[item.name])
        ticks = self.network.n_ticks
        if self.integer and any(self.network.out_of(item.name)):
            return torch.as_tensor(item.trains(x, ticks), device=self.device)
        shape = (n_samples, 1 if item.kind is InputKind.STATIC else ticks, item.size)
        return torch.as_tensor(x.astype(np.float64).reshape(shape), device=self.device)

    def encoder_currents(self, inputs: Mapping[str, Array], n_samples: int
                         ) -> dict[str, torch.Tensor]:
        """What encoders give for feeds, by target: [samples, neurons], or one for every tick."""
        return {e.target: self._encoder_current(e, inputs, n_samples)
                for e in self.network.encoders}

    def _encoder_current(self, encoder: Encoder, inputs: Mapping[str, Array],
                         n_samples: int) -> torch.Tensor:
        mantissas = encoder.mantissas(self.network.encoder_rows(encoder, inputs))
        mantissas <<= np.int64(encoder.exponent)
        if len(mantissas) > n_samples:  # one current per tick: only the host can give that
            mantissas = mantissas.reshape(n_samples, -1, mantissas.shape[1])
        return torch.as_tensor(mantissas, device=self.device)

    def batch(self, population: Population, current: torch.Tensor | None,
              n_samples: int) -> Batch:
        """A population at rest, with its bias and an encoder's current."""
        neuron = population.neuron
        if isinstance(neuron, Adder):
            return AdderBatch()
        bias = None if population.bias is None else torch.as_tensor(
            np.broadcast_to(population.bias.value, (population.size,)).copy(), device=self.device)
        if current is not None:
            bias = current if bias is None else bias + current
        shape = (n_samples, population.size)
        if isinstance(neuron, FloatNeuron):
            return FloatBatch(neuron, bias, shape, self.device)
        return neuron.executor(bias, shape, self.device)

    def _current(self, population: Population, messages: Mapping[str, list[torch.Tensor]],
                 n_samples: int, start: int, stop: int) -> torch.Tensor:
        """Synaptic sums [samples, stop - start, neurons] of these ticks."""
        total = torch.zeros(n_samples, stop - start, population.size, dtype=self.dtype,
                            device=self.device)
        for projection in self.network.into(population.name):
            spikes = self._arriving(projection, messages, start, stop)
            if spikes is not None:
                total += self.deliver(projection, spikes)
        return total

    def deliver(self, projection: Projection, spikes: torch.Tensor) -> torch.Tensor:
        """The sums [samples, ticks, neurons] for what arrives [samples, ticks, sources]."""
        n_samples, length, _ = spikes.shape
        sums = self._maps[id(projection)](spikes.reshape(n_samples * length, -1).to(self.dtype))
        sums = sums.reshape(n_samples, length, -1)
        return sums << projection.exponent if self.integer else sums

    def _arriving(self, projection: Projection, messages: Mapping[str, list[torch.Tensor]],
                  start: int, stop: int) -> torch.Tensor | None:
        """What a projection's source sent for these ticks; None before its first delayed tick."""
        item, parts = self._inputs.get(projection.source), messages[projection.source]
        tick = start - projection.delay
        if self._by_tick and tick < 0:
            return None
        if item is not None and parts[0].shape[1] < self.network.n_ticks:
            return parts[0]  # the same in every tick
        if not self._by_tick:
            return parts[0][:, start:stop]
        return parts[0][:, tick:tick + 1] if item is not None else parts[tick]


def _as_read(item: Input, x: Array, n_samples: int) -> Array:
    """An input [samples, ticks, sources]; a static one has one tick."""
    return np.asarray(x, np.float64).reshape(n_samples, -1, item.size)


def _concatenate(parts: list[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def run(network: Network, inputs: Mapping[str, Array], device: str = "cpu",
        record_state: bool = False) -> Run:
    """Run a network once; see `Executor.run`."""
    return Executor(network, device).run(inputs, record_state)


def outputs(network: Network, inputs: Mapping[str, Array], device: str = "cpu",
            batch: int = 128) -> dict[str, Array]:
    """The values of all outputs by name (see `Run.read`), computed `batch` samples at a time."""
    executor = Executor(network, device)
    parts: dict[str, list[Array]] = {output.name: [] for output in network.outputs}
    for piece in _batches(inputs, batch):
        batch_run = executor.run(piece)
        for output in network.outputs:
            parts[output.name].append(batch_run.read(output))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _batches(inputs: Mapping[str, Array], batch: int) -> Iterator[dict[str, Array]]:
    n_samples = len(next(iter(inputs.values())))
    for start in range(0, n_samples, batch):
        yield {name: x[start:start + batch] for name, x in inputs.items()}
