"""What is said of lost spikes: where, how many, by what, and what was tried and helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from neurocompile.backends.synchronous import Executor
from neurocompile.backends.synchronous.forced import forced_potentials
from neurocompile.backends.synchronous.local import Local
from neurocompile.backends.synchronous.neurons import FloatBatch
from neurocompile.diagnostics import Diagnostic, FindingsError, Severity, UsageError
from neurocompile.families.fidelity import Measurement, PopulationFidelity, share_lost, sure_loss
from neurocompile.ir.network import ANALOG, Network, Population, whole
from neurocompile.options import Options

DEAD, BUSY = 1e-5, 0.95  # firing rates that are worth a warning
DIFFERS = 0.1  # share of its spikes that a population's rounding may move without a warning
ALIKE = 0.05  # share of the differences that float16 alone makes in a network that amplifies
HELPS = 0.5  # share of a loss that a fix leaves at most, to be proposed
_INPUTS = {"sample": "the sample", "capture": "the captured samples", "seeded": "seeded inputs"}
SCALES = np.geomspace(0.7, 1.4, 15)  # of the fitted units, which coarse weights move


@dataclass(frozen=True, eq=False)
class Quantization:
    """How a network was made integers, and how to do it otherwise."""

    floating: Network
    network: Network
    options: Options
    again: Callable[[Options], Network]  # raises FindingsError where that cannot be


def losses(one: Quantization, result: Measurement) -> Iterator[Diagnostic]:
    """NC701 for each population that loses spikes itself, an error over `--max-loss`; NC705 where a
    network amplifies; NC312 for what is dead or saturations on the user's sample."""
    fidelity, worst = result.fidelity, None
    for population in one.network.populations:
        mine = fidelity.populations.get(population.name)
        if mine is None or population.repeats is not None:
            continue  # a relay's source is named
        limit = one.options.max_loss / 100
        error = sure_loss(mine.local, mine.float_spikes) > limit
        if error or 1 - mine.local_agreement > DIFFERS:
            yield _lossy(one, result, population, mine, error)
        elif worst is None or mine.agreement < fidelity.populations[worst.name].agreement:
            worst = population
        if population.saturates:
            yield Diagnostic("NC707", population.where, {
                "module": population.name, "inputs": _INPUTS[fidelity.source],
                "count": result.saturations[population.name], "total": mine.neuron_ticks})
        if fidelity.source == "sample" and not DEAD <= mine.rate <= BUSY:
            yield Diagnostic("NC312", population.where, {
                "module": population.name, "share": mine.rate})
    if worst is not None:
        yield from _amplification(worst, fidelity.populations[worst.name])


def _amplification(population: Population, mine: PopulationFidelity) -> Iterator[Diagnostic]:
    """NC705: a note where float16 does the like, else a warning."""
    if sure_loss(mine.differing, mine.float_spikes) <= DIFFERS:
        return
    alike = mine.float16 >= ALIKE * mine.differing
    yield Diagnostic("NC705", population.where, {
        "module": population.name, "share": 1 - mine.agreement,
        "local": f"{1 - mine.local_agreement:.2%}", "counts": f"{mine.count_distance:.2%}",
        "float16": f"{1 - mine.float16_agreement:.2%}"},
        severity=Severity.NOTE if alike else Severity.WARNING)


def _lossy(one: Quantization, result: Measurement, population: Population,
           mine: PopulationFidelity, error: bool) -> Diagnostic:
    fix = _fix(one, result, population, mine)
    return Diagnostic("NC701", population.where, {
        "module": population.name, "share": 1 - mine.local_agreement,
        "cause": _cause(result, population), "counts": f"{mine.count_distance:.2%}",
        "inputs": _INPUTS[result.fidelity.source],
        "limit": f"{one.options.max_loss:g} %"},
        severity=Severity.ERROR if error else Severity.WARNING, hint=fix)


def _fix(one: Quantization, result: Measurement, population: Population,
         mine: PopulationFidelity) -> str:
    """The first change of options that was tried and helps."""
    for words, options in _changes(one, population):
        try:
            network = one.again(options)
            spikes = Local(Executor(network), result.integer.inputs, result.floating.outer_spikes).spikes(
                network.population(population.name))
        except (FindingsError, UsageError):
            continue  # it cannot be had
        expected = result.floating.train(population.name)
        count = int((spikes.bool() != expected.bool()).sum())
        if count <= HELPS * mine.local:
            return f"{words}: tried, {share_lost(count, mine.float_spikes):.2%} are left"
    return ("no other number of weight bits and no other encoder that was tried helps: train with "
            "the chip's grid, or raise --max-loss if the answers are good enough")


def _changes(one: Quantization, population: Population) -> Iterator[tuple[str, Options]]:
    """Options that could help a population, in words too."""
    if one.options.weight_bits != 8:
        yield "--weight-bits 8", replace(one.options, weight_bits=8)
    kinds = {item.name: item.kind for item in one.floating.inputs}
    if any(kinds.get(p.source) in ANALOG for p in one.floating.into(population.name)):
        for encoder in ("bias", "graded", "host"):
            if encoder != one.options.encoder:
                yield f"--encoder {encoder}", replace(one.options, encoder=encoder)


def _cause(result: Measurement, population: Population) -> str:
    """The element that loses most when it alone is the integer network's.

    Currents of the integer network are brought to float units neuron by neuron, by least squares.
    """
    floating, integer = result.floating, result.integer
    for projection in whole(integer.executor.network.into(population.name)):
        if not np.any(projection.operator.weights):
            return f"all weights of `{projection.name}` are 0 on the grid"
    before = floating.executor.network.population(population.name)
    if _on_threshold(result, before, population):
        return "potentials that lie on the threshold"
    expected = floating.train(population.name).bool()
    sources = {p.source for p in integer.executor.network.into(population.name)}
    synaptic = floating.current(before, sources)
    constant = _with_bias(floating.current(before) - synaptic, before)
    sums = integer.current(population)
    offsets = _with_bias(integer.encoder_sums(population), population)
    units = _units(sums, synaptic)
    shares = {
        "its weights on the grid": _differences(
            before, _over(sums, units) + constant, expected),
        "its bias or analog input": _differences(
            before, synaptic + _over(offsets, _constant_units(offsets, constant, units)), expected),
        "its threshold, its decays or the resolution of its sums": min(int((integer.spikes(
            population, (synaptic * units * factor).round().to(torch.int64)) != expected).sum())
            for factor in SCALES)}
    worst = max(shares, key=lambda name: shares[name])
    if shares[worst] < HELPS * int((integer.spikes(population).bool() != expected).sum()):
        return "its threshold, which is not at the scale of its weights"
    if worst == "its weights on the grid":
        return _of_weights(result, population) or worst
    if worst == "its bias or analog input":
        return _of_inputs(result, before) or worst
    return worst


def _with_bias(current: torch.Tensor, population: Population) -> torch.Tensor:
    bias = 0.0 if population.bias is None else torch.as_tensor(
        np.asarray(population.bias.value, np.float64))
    return current.to(torch.float64) + bias


def _units(integers: torch.Tensor, floats: torch.Tensor) -> torch.Tensor:
    """Integer units per float unit, by neuron; the median's where a neuron gets nothing."""
    energy = (floats ** 2).sum(dim=(0, 1))
    units = (integers * floats).sum(dim=(0, 1)) / energy.clamp(min=1e-300)
    measurable = units[energy > 0]
    return torch.where(energy > 0, units, measurable.median() if len(measurable) else 0.0)


def _constant_units(integers: torch.Tensor, floats: torch.Tensor, units: torch.Tensor
                    ) -> torch.Tensor:
    """The same of what is constant: one multiple, for all neurons, of the units of their sums.

    One constant a neuron would fit any unit.
    """
    own = _units(integers, floats)
    ratios = (own / units)[(units != 0) & (own != 0)]
    return units * ratios.median() if len(ratios) else own


def _over(integers: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
    return torch.where(units != 0, integers / torch.where(units != 0, units, 1.0), 0.0)


def _differences(population: Population, current: torch.Tensor, expected: torch.Tensor) -> int:
    """Of a float neuron that integrates these currents, biases included."""
    batch = FloatBatch(population.floating, None, (len(current), population.size), "cpu")
    return int((batch.advance(current, None) != expected).sum())


def _of_weights(result: Measurement, population: Population) -> str:
    """Clipping, where the largest stored weights are many."""
    for projection in whole(result.integer.executor.network.into(population.name)):
        weights = np.abs(np.asarray(projection.operator.weights)).reshape(-1)
        largest = weights.max(initial=0)
        if largest and weights.size >= 64 and (weights >= 0.99 * largest).mean() > 0.05 and (
                len(np.unique(weights)) > 4):
            return f"clipping of the weights of `{projection.name}`"
    return ""


def _of_inputs(result: Measurement, before: Population) -> str:
    """The input range, where values leave it."""
    network, inputs = result.floating.executor.network, result.floating.inputs
    for item in network.inputs:
        if item.name in inputs and any(
                p.source == item.name for p in network.into(before.name)):
            low, high = float(np.min(inputs[item.name])), float(np.max(inputs[item.name]))
            if low < item.low or high > item.high:
                return (f"values of `{item.name}` from {low:.4g} to {high:.4g}, beyond the range "
                        f"{item.low:.4g} to {item.high:.4g} that it was built for")
    return ""


def _on_threshold(result: Measurement, before: Population, after: Population) -> bool:
    """Whether most of the potentials that are decided otherwise lie on the threshold."""
    floating, expected = result.floating, result.floating.train(before.name).bool()
    potentials = forced_potentials(before, floating.current(before), expected)
    different = result.integer.spikes(after).bool() != expected
    v_th = before.floating.v_th
    ties = (potentials - v_th).abs() <= 1e-6 * max(abs(v_th), 1e-30)
    first = different & (different.cumsum(dim=1) == 1)  # what follows may be its consequence
    return int((first & ties).sum()) > int(first.sum()) / 2
