"""Fidelity: how an integer network's spikes and answers compare with the float network's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends import synchronous
from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array

DEAD, BUSY = 1e-5, 0.95  # firing rates that are worth a warning
DIFFERS = 0.1  # share of spikes that quantization may move without a warning


@dataclass(frozen=True, eq=False)
class PopulationFidelity:
    """Float and integer spikes of one population on the sample."""

    float_spikes: int
    integer_spikes: int
    differing: int  # neuron-ticks where exactly one of the two spiked
    neuron_ticks: int

    @property
    def rate(self) -> float:
        """Integer spikes per neuron and tick."""
        return self.integer_spikes / self.neuron_ticks

    @property
    def agreement(self) -> float:
        """1 - differing / float spikes; 1 where both are silent."""
        return 1 - self.differing / max(self.float_spikes, self.differing, 1)


@dataclass(frozen=True, eq=False)
class Fidelity:
    """How far the integer network is from the float network, measured on a sample.

    Of a pruned network, spikes are compared with the pruned float network, outputs with the whole.
    """

    samples: int
    populations: Mapping[str, PopulationFidelity]
    same_argmax: Mapping[str, int]  # per readout: samples whose largest output is the same


def measure(floating: Network, network: Network, sample: Mapping[str, Array],
            before_pruning: Network | None = None) -> tuple[Fidelity, dict[str, float | NDArray[np.float64]]]:
    """Fidelity of the integer network on a sample, and its firing rates per neuron and tick.

    Spikes are compared with the float network's, outputs with the unpruned one's where there is one.
    """
    a, b = synchronous.run(floating, sample), synchronous.run(network, sample)
    whole, answers = (floating, a) if before_pruning is None else (
        before_pruning, synchronous.run(before_pruning, sample))
    rates: dict[str, float | NDArray[np.float64]] = {
        name: (spikes != 0).mean(axis=(0, 1)) for name, spikes in b.spikes.items()}
    rates.update({item.name: 1.0 for item in network.inputs})
    populations = {
        p.name: _compare(a.spikes.get(p.repeats or p.name, b.spikes[p.name]), b.spikes[p.name])
        for p in network.populations if not (p.graded or p.name in network.accumulators)}
    argmax = {}
    for before, after in zip(whole.readouts, network.readouts, strict=True):
        argmax[after.name] = int(np.sum(before.answers(answers.read(before))
                                        == after.answers(b.read(after))))
    n_samples = len(next(iter(sample.values())))
    return Fidelity(n_samples, populations, argmax), rates


def _compare(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> PopulationFidelity:
    """Of float spikes and integer spikes; a relay of an input has no float spikes but its own."""
    return PopulationFidelity(int(before.sum()), int(after.sum()), int((before != after).sum()),
                              after.size)


def activity(network: Network, fidelity: Fidelity) -> Iterable[Diagnostic]:
    """NC312 for dead or saturated populations, NC701 where quantization moved many spikes."""
    for population in network.populations:
        one = fidelity.populations.get(population.name)
        if one is None or population.repeats is not None:
            continue  # a relay's source is named
        if not DEAD <= one.rate <= BUSY:
            yield Diagnostic("NC312", population.where, {
                "module": population.name, "share": one.rate})
        elif one.agreement < 1 - DIFFERS:
            yield Diagnostic("NC701", population.where, {
                "module": population.name, "share": 1 - one.agreement})
