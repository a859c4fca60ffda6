"""Rounding on what a float network sends: scales by the error of currents, weights with feedback.

The currents of a population are compared with the float network's on its own spikes
(`passes.quantization.feedback`). A constant error of a neuron goes into its bias, where it has one.

The threshold of a neuron that keeps nothing from tick to tick may be another one for each neuron:
times a gain, with its weights and its bias; a bias takes the threshold back to the population's. So
each row of weights has a scale of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import ANALOG, Input, Projection
from neurocompile.passes.loihi.quantization.decision import Decision, IntegerPart
from neurocompile.passes.loihi.quantization.population import PopulationQuantizer
from neurocompile.passes.loihi.quantization.receiver import Receiver, forgets
from neurocompile.passes.loihi.quantization.scales import candidate_scales
from neurocompile.passes.loihi.quantization.weight_grid import Weights, grid
from neurocompile.passes.quantization.feedback import (
    Feedback,
    Grid,
    bias_correction,
    round_with_feedback,
    row_error,
)
from neurocompile.passes.quantization.gram import Arrival, Block, joint_moments
from neurocompile.passes.quantization.observations import Observations
from neurocompile.semantics.normal_form import SUM, FloatNeuron

Floats = NDArray[np.float64]

_MOST_GAIN = 8.0  # of a row of small weights
_WORTH = 0.98  # of the error: what a smaller scale must at most have


def calibrate(quantizer: PopulationQuantizer, receiver: Receiver, part: IntegerPart,
              observations: Observations) -> IntegerPart:
    """A population whose weights are rounded to nearest, rounded on samples instead.

    The part itself where it is exact, decides counts of spikes, or has no weights to round.
    """
    neuron, n_ticks = receiver.population.floating, quantizer.network.n_ticks
    if part.exact or part.decision is None or neuron.gate:
        return part
    calibration = Calibration.of(receiver, quantizer.inputs, observations, n_ticks)
    if calibration is None:
        return part
    gains = calibration.gains() if forgets(neuron, n_ticks) else None
    if gains is not None:
        receiver = receiver.with_gains(gains.astype(np.float64))
        again = Calibration.of(receiver, quantizer.inputs, observations, n_ticks)
        calibration = calibration if again is None else again
    choices = [replace(one, gains=gains) for one in _choices(quantizer, receiver, part)]
    errors = [calibration.error(one.weights, one.k / neuron.v_th)
              for one in choices]
    for number in _by_preference(errors):
        better = quantizer.part(receiver, calibration.refinement(choices[number], neuron.v_th))
        if not quantizer.findings(better):
            return replace(better, error=errors[number])
    return part


def calibrate_adder(synapses: Sequence[Projection], weights: Sequence[Weights], scale: float,
                    observations: Observations, n_ticks: int) -> list[Weights]:
    """What an adder receives, rounded on samples; its sums go on as they are, and have no bias."""
    arrivals = tuple(Arrival(p.operator, observations.messages[p.source], p.delay) for p in synapses)
    return Calibration(tuple(synapses), arrivals, n_ticks, 1.0, own_bias=False).with_feedback(
        weights, scale)


def _choices(quantizer: PopulationQuantizer, receiver: Receiver, part: IntegerPart
             ) -> Iterator[Decision]:
    """The population at scales within an octave of the part's, rounded to nearest."""
    if part.decision is None:
        return
    around, saturates = part.decision.k, part.decision.saturates
    for k, _ in candidate_scales(receiver, quantizer.inputs, quantizer.target):
        if around / 2 < k <= around * 2:
            one = quantizer.rounded_at(receiver, k, saturates=saturates)
            if one.decision is not None and (k <= around or not quantizer.findings(one)):
                yield one.decision


def _by_preference(errors: Sequence[float]) -> list[int]:
    """Numbers of candidates, the best first: of nearly equal ones the larger scale."""
    rest, order = list(range(len(errors))), []
    while rest:
        best = rest[0]
        for number in rest:
            if errors[number] < errors[best] * _WORTH:
                best = number
        rest.remove(best)
        order.append(best)
    return order


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a population integrates through synapses on samples, and the moments of it.

    An error of currents matters as much as the neuron keeps it until it next spikes: what its
    sources send is filtered by its decays, and by its rate of spikes. `own_bias`: its neurons have
    biases, so that a mean error of currents is none.
    """

    synapses: tuple[Projection, ...]  # in float
    arrivals: tuple[Arrival, ...]  # of each of them
    n_ticks: int
    unit: float  # what is integrated of a constant 1, on average over ticks
    own_bias: bool

    @classmethod
    def of(cls, receiver: Receiver, inputs: Mapping[str, Input], observations: Observations,
           n_ticks: int) -> Calibration | None:
        """The calibration of a population; None where no weights are to be rounded."""
        if not receiver.synapses or receiver.wire:
            return None
        population = receiver.population
        neuron = population.floating
        keeps = _shares(neuron, observations.rate(population.name))
        arrivals = tuple(Arrival(
            p.operator, _integral(_values(inputs.get(p.source), p, observations), n_ticks, keeps),
            p.delay) for p in receiver.synapses)
        unit = _integral(np.ones((1, 1, 1)), n_ticks, keeps).mean()
        one = cls(receiver.synapses, arrivals, n_ticks, float(unit),
                  own_bias=neuron.model != SUM and (neuron.alpha is None or n_ticks == 1))
        return one if one.blocks else None

    @cached_property
    def blocks(self) -> list[tuple[Block, Feedback]]:
        """Rows of weights with what their rounding is fed back by."""
        return [(block, Feedback.of(
            block.covariance * block.count if self.own_bias else block.second))
            for block in joint_moments(self.arrivals, self.n_ticks)]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The number of each projection's first weight in the flat weights of all."""
        sizes = [p.operator.weights.size for p in self.synapses]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @cached_property
    def flat(self) -> Floats:
        """All weights, one projection after the other."""
        return np.concatenate([np.asarray(p.operator.weights, np.float64).reshape(-1)
                               for p in self.synapses])

    def error(self, weights: Sequence[Weights], scale: float) -> float:
        """The squared error of currents that feedback leaves at a scale, over all neurons.

        `weights`: rounded to nearest; their exponents are kept.
        """
        total = self._outside(weights, scale)
        for block, feedback in self.blocks:
            own, units = self.flat[block.weights], self._grid(block, weights, scale)
            integers = round_with_feedback(own, feedback, units, sweeps=0)
            outputs = (block.outputs >= 0).sum(axis=1)
            errors = row_error(own, integers, feedback, units)
            total += float((errors / max(block.count, 1) * outputs).sum())
        return total

    def gains(self) -> NDArray[np.float32] | None:
        """A gain for each neuron with which all rows of weights are about as large.

        None where rows of several projections do not go with the same neurons.
        """
        gains = np.zeros(self.synapses[0].operator.out_size)
        sizes = []
        for block, _ in self.blocks:
            largest = np.abs(self.flat[block.weights]).max(axis=1)
            for row, outputs in zip(largest, block.outputs, strict=True):
                neurons = outputs[outputs >= 0]
                if np.any(gains[neurons]) or not row:
                    return None
                gains[neurons] = row
                sizes.append(row)
        if not np.all(gains) or len(set(sizes)) < 2:
            return None
        gains = np.clip(gains.max() / gains, 1.0, _MOST_GAIN).astype(np.float32)
        same = all(type(p.operator.times(gains.astype(np.float64))) is type(p.operator)
                   and p.operator.times(gains.astype(np.float64)).weights.size
                   == p.operator.weights.size for p in self.synapses)
        return gains if same else None

    def refinement(self, decision: Decision, v_th: float) -> Decision:
        """A decision for weights rounded to nearest, rounded with feedback instead."""
        scale = decision.k / v_th
        weights = self.with_feedback(decision.weights, scale)
        if not self.own_bias:
            return replace(decision, weights=tuple(weights))
        correction = bias_correction(
            self.arrivals, [w * (2.0**e / scale) for e, w in weights], self.n_ticks) / self.unit
        return replace(decision, weights=tuple(weights), correction=correction.astype(np.float32))

    def with_feedback(self, weights: Sequence[Weights], scale: float) -> list[Weights]:
        """The weights with feedback; those in no block as they are."""
        integers = np.concatenate([w.reshape(-1) for _, w in weights])
        for block, feedback in self.blocks:
            integers[block.weights] = round_with_feedback(
                self.flat[block.weights], feedback, self._grid(block, weights, scale))
        parts = np.split(integers, self.starts[1:-1])
        return [(exponent, part.reshape(before.shape))
                for (exponent, before), part in zip(weights, parts, strict=True)]

    def _grid(self, block: Block, weights: Sequence[Weights], scale: float) -> Grid:
        """The grid of a block's weights, column by column."""
        number = np.searchsorted(self.starts, block.weights[0], side="right") - 1
        units = np.array([2.0**e / scale for e, _ in weights])
        forms = np.array([grid(p.operator.weights, p.weight_bits) for p in self.synapses], np.float64)
        step, low, high = forms[number].T
        return Grid(unit=units[number], low=low, high=high, step=step)

    def _outside(self, weights: Sequence[Weights], scale: float) -> float:
        """The error of weights in no block, of sources that send independently."""
        inside = np.zeros(len(self.flat), bool)
        for block, _ in self.blocks:
            inside[block.weights] = True
        if inside.all():
            return 0.0
        powers = np.concatenate([
            np.full(w.size, np.square(a.values, dtype=np.float64).mean())
            for (_, w), a in zip(weights, self.arrivals, strict=True)])
        after = np.concatenate([w.reshape(-1) * (2.0**e / scale) for e, w in weights])
        return float((powers * (after - self.flat) ** 2)[~inside].sum())


def _values(item: Input | None, projection: Projection, observations: Observations
            ) -> NDArray[np.generic]:
    """What a projection's source sends to integers [samples, ticks, sources]."""
    messages = observations.messages[projection.source]
    return messages * item.scale if item is not None and item.kind in ANALOG else messages


def _shares(neuron: FloatNeuron, rate: float) -> tuple[float, ...]:
    """The share of each of a neuron's states that lasts from a tick to the next."""
    membrane = neuron.decay * (1 - rate)
    return (membrane,) if neuron.alpha is None else (neuron.alpha, membrane)


def _integral(values: NDArray[np.generic], n_ticks: int, keeps: Sequence[float]
                ) -> NDArray[np.generic]:
    """Values [samples, ticks, sources] filtered by each share in turn; static ones in all ticks."""
    if n_ticks == 1 or not any(keeps):
        return values
    shape = (len(values), n_ticks, values.shape[2])
    total = np.broadcast_to(values, shape).astype(np.float64)
    for keep in keeps:
        for tick in range(1, n_ticks):
            total[:, tick] += keep * total[:, tick - 1]
    return total
