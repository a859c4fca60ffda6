"""Fidelity: how an integer network's spikes and answers compare with the float network's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.synchronous import Executor, Run, outputs, run
from neurocompile.backends.synchronous.local import Local
from neurocompile.ir.network import Bias, Network, Population
from neurocompile.ir.operators import Array

Source = Literal["sample", "capture", "seeded"]
_SURE = 2.0  # standard deviations that a share may be off by chance

Rates = Mapping[str, float | NDArray[np.float64]]


def share_lost(differing: int, float_spikes: int) -> float:
    """Differing spikes per float spike, at most 1; 0 where both are silent."""
    return differing / max(float_spikes, differing, 1)


def sure_loss(differing: int, float_spikes: int) -> float:
    """The share that is lost beyond chance: the lower end of Wilson's interval."""
    n = max(float_spikes, differing, 1)
    p, z = differing / n, _SURE
    center, width = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (center - width) / (1 + z * z / n))


@dataclass(frozen=True, eq=False, kw_only=True)
class PopulationFidelity:
    """Float and integer spikes of one population on the same inputs."""

    float_spikes: int
    integer_spikes: int
    differing: int  # neuron-ticks where exactly one of the two spiked
    neuron_ticks: int
    local: int  # those that differ when its sources send the float network's spikes
    float16: int  # those in which the float network differs from itself with weights in float16
    count_distance: float
    """The mean absolute difference of spike counts, per neuron and sample, as a share of the float
    network's mean count: spikes that are only shifted in time are no difference here."""

    @property
    def rate(self) -> float:
        """Integer spikes per neuron and tick."""
        return self.integer_spikes / self.neuron_ticks

    @property
    def agreement(self) -> float:
        """1 - differing / float spikes; 1 where both are silent."""
        return 1 - share_lost(self.differing, self.float_spikes)

    @property
    def local_agreement(self) -> float:
        """The same when it is fed with the float network's spikes: what its own rounding leaves."""
        return 1 - share_lost(self.local, self.float_spikes)

    @property
    def float16_agreement(self) -> float:
        """The same of the float network with weights in float16, end to end: a yardstick."""
        return 1 - share_lost(self.float16, self.float_spikes)


@dataclass(frozen=True, eq=False)
class Fidelity:
    """How far the integer network is from the float network, measured on inputs.

    Of a pruned network, spikes are compared with the pruned float network, outputs with the whole.
    """

    source: Source  # whose inputs: the user's sample, the graph's, or made up
    samples: int
    populations: Mapping[str, PopulationFidelity]
    same_argmax: Mapping[str, int]  # per readout: samples whose largest output is the same

    @property
    def rates(self) -> dict[str, float]:
        """Spikes per neuron and tick on the user's sample; empty where there is none."""
        if self.source != "sample":
            return {}
        return {name: one.rate for name, one in self.populations.items()}


@dataclass(frozen=True, eq=False)
class Measurement:
    """Fidelity, and the runs that it was measured with."""

    fidelity: Fidelity
    floating: Local  # the float network on its own spikes
    integer: Local  # the integer network on the float network's spikes
    rates: Rates  # of the integer network, inputs included
    saturations: Mapping[str, int]  # neuron-ticks in which a potential was clipped, by population


def measure(floating: Network, network: Network, inputs: Mapping[str, Array], source: Source,
            before_pruning: Network | None = None, float_run: Run | None = None) -> Measurement:
    """Fidelity of the integer network on inputs.

    Spikes are compared with the float network's, outputs with the unpruned one's where there is
    one. `float_run`: what the float network does on them, where that is known.
    """
    float_executor, executor = Executor(floating), Executor(network)
    a, b = float_run or float_executor.run(inputs), executor.run(inputs)
    coarse = run(_in_float16(floating), inputs).spikes
    whole, answers = (floating, a) if before_pruning is None else (
        before_pruning, run(before_pruning, inputs))
    spiking = {p.name: a.spikes[p.name] for p in floating.populations if not p.graded
               and p.name not in floating.accumulators}
    local = Local(executor, inputs, spiking)
    populations = {
        p.name: _compare(p, spiking, b.spikes[p.name], local, coarse)
        for p in network.populations if not (p.graded or p.name in network.accumulators)}
    argmax = {}
    for before, after in zip(whole.outputs, network.outputs, strict=True):
        argmax[after.name] = int(np.sum(before.answers(answers.read(before))
                                        == after.answers(b.read(after))))
    rates: dict[str, float | NDArray[np.float64]] = {
        name: (spikes != 0).mean(axis=(0, 1)) for name, spikes in b.spikes.items()}
    rates.update({item.name: 1.0 for item in network.inputs})
    n_samples = len(next(iter(inputs.values())))
    return Measurement(Fidelity(source, n_samples, populations, argmax),
                       Local(float_executor, inputs, spiking), local, rates, b.saturations)


def right_answers(network: Network, inputs: Mapping[str, Array] | None, labels: Array | None
                  ) -> int | None:
    """How many samples of inputs have their label as the first readout's largest output.

    None without labels, inputs or a readout.
    """
    if inputs is None or labels is None or not network.outputs:
        return None
    first = network.outputs[0]
    return int((first.answers(outputs(network, inputs)[first.name]) == labels).sum())


def _compare(population: Population, floating: Mapping[str, Array], after: Array, local: Local,
             coarse: Mapping[str, Array]) -> PopulationFidelity:
    """A relay of an input has no float spikes but its own."""
    name = population.repeats or population.name
    before = floating.get(name, after)
    counts = (train.sum(axis=1, dtype=np.int64) for train in (before, after))
    distance = float(np.abs(np.subtract(*counts)).sum()) / max(int(before.sum()), 1)
    alone = local.spikes(population).numpy() if name in floating else before
    return PopulationFidelity(
        float_spikes=int(before.sum()), integer_spikes=int(after.sum()),
        differing=int((before != after).sum()), neuron_ticks=after.size,
        local=int((alone != before).sum()), count_distance=distance,
        float16=int((coarse.get(name, before) != before).sum()))


def _in_float16(network: Network) -> Network:
    """A float network with weights and biases rounded to float16."""
    def rounding(values: Array) -> Array:
        with np.errstate(over="ignore"):
            small = values.astype(np.float16).astype(np.float64)
        return np.where(np.isfinite(small), small, values)

    return replace(
        network, populations=tuple(p if p.bias is None else replace(
            p, bias=Bias(rounding(p.bias.mantissa))) for p in network.populations),
        projections=tuple(replace(p, operator=p.operator.with_weights(rounding(p.operator.weights)))
                          for p in network.projections))
