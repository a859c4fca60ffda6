"""Each population on its own: what it does when its sources send spikes that are given.

No difference can cascade here, so what a population does otherwise than it should is its own.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np
import torch

from neurocompile.backends.synchronous.run import Executor
from neurocompile.ir.network import Population
from neurocompile.ir.operators import Array


class Local:
    """A network on inputs, with the spikes [samples, ticks, neurons] of some of its populations.

    Populations without such spikes (adders, gates, relays) send what follows from their sources.
    """

    def __init__(self, executor: Executor, inputs: Mapping[str, Array],
                 spikes: Mapping[str, Array]) -> None:
        self.executor, self.inputs, self.outer_spikes = executor, inputs, spikes
        self.n_samples = len(next(iter(inputs.values())))
        feeds = executor.network.feeds(inputs)
        self._trains = executor.input_messages(feeds, self.n_samples)
        self._trains |= {name: torch.as_tensor(np.asarray(train), device=executor.device)
                         for name, train in spikes.items()}
        self._currents = executor.encoder_currents(feeds, self.n_samples)
        self._populations = {p.name: p for p in executor.network.populations}

    def current(self, population: Population, sources: Container[str] | None = None
                ) -> torch.Tensor:
        """The synaptic sums [samples, ticks, neurons], without bias and encoder.

        With `sources`, what these deliver.
        """
        executor, ticks = self.executor, self.executor.network.n_ticks
        total = torch.zeros(self.n_samples, ticks, population.size, dtype=executor.dtype,
                            device=executor.device)
        for projection in executor.network.into(population.name):
            if sources is not None and projection.source not in sources:
                continue
            sums = executor.deliver(projection, self.train(projection.source))
            if sums.shape[1] == ticks:  # else the same in every tick
                sums = sums[:, :ticks - projection.delay]
            total[:, projection.delay:] += sums
        return total

    def spikes(self, population: Population, current: torch.Tensor | None = None) -> torch.Tensor:
        """What it sends [samples, ticks, neurons]; `current`: synaptic sums in place of its own."""
        batch = self.executor.batch(population, self.encoded_current(population.name),
                                    self.n_samples)
        return batch.advance(self.current(population) if current is None else current, None)

    def encoded_current(self, name: str) -> torch.Tensor | None:
        """What encoders give a population: [samples, neurons], or [samples, ticks, neurons]."""
        return self._currents.get(name)

    def encoder_sums(self, population: Population) -> torch.Tensor:
        """The same in every tick [samples, ticks, neurons]; 0 where there is no encoder."""
        ticks, current = self.executor.network.n_ticks, self.encoded_current(population.name)
        shape = (self.n_samples, ticks, population.size)
        if current is None:
            return torch.zeros(shape, dtype=self.executor.dtype)
        return (current if current.ndim == 3 else current[:, None]).expand(shape)

    def train(self, name: str) -> torch.Tensor:
        """What an input or a population sends, given or not; static inputs have one tick."""
        if name not in self._trains:
            self._trains[name] = self.spikes(self._populations[name])
        return self._trains[name]
