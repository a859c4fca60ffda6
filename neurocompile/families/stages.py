"""What the stages of all families share: fidelity, budgets, sizes in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from neurocompile.backends import synchronous
from neurocompile.backends.synchronous import Run
from neurocompile.diagnostics import Diagnostic
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.fidelity import Fidelity, Measurement, Rates, Source, measure
from neurocompile.families.losses import Quantization, losses
from neurocompile.families.seeded import active_inputs
from neurocompile.ir.network import Input, InputKind, Network
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.passes.quantization.observations import Observations

SAMPLE: Source = "sample"
CAPTURE: Source = "capture"
NOISE: Source = "seeded"
_MOST, _LEAST = 256, 4  # samples that weights are rounded on
_VALUES = 1 << 26  # of what one source sends on them
_TIES = 1e-3  # potentials on the threshold for each spike: fewer are chance


def measure_fidelity(run: Recorder, lowering: Lowering, one: Quantization,
                     float_run: Run | None = None) -> tuple[Fidelity, Rates | None]:
    """Fidelity; and firing rates on the user's sample, where there is one.

    Without one it is measured on what the gate ran, if every population fires there, else on seeded
    inputs. `float_run`: what the float network does on the sample, where that is known. Raises
    FindingsError (NC701) where a population loses more than is allowed.
    """
    before_pruning = None if lowering.pruning is None else lowering.whole

    def measurement() -> Measurement:
        gate, runs = lowering.gate, float_run
        inputs, source = lowering.sample, SAMPLE
        if inputs is None and gate is not None and gate.active and not gate.seeded:
            inputs, source = gate.inputs, CAPTURE
        if inputs is None:
            source = NOISE
            inputs, runs = active_inputs(one.floating)
        return measure(one.floating, one.network, inputs, source, before_pruning, runs)

    result = run.stage("fidelity", measurement, lambda r: f"{r.fidelity.samples} samples")
    run.findings += losses(one, result)
    run.stop()
    return result.fidelity, None if lowering.sample is None else result.rates


@dataclass(frozen=True, eq=False)
class Observation:
    """What the float network does on the sample; nothing where there is none."""

    run: Run | None = None
    values: Observations | None = None  # that quantizing takes of it


def observe(floating: Network, sample: Mapping[str, Array] | None) -> Observation:
    """The float network's run on the sample, where there is one."""
    if sample is None:
        return Observation()
    float_run = synchronous.run(floating, sample)
    messages = {item.name: _messages(item, floating, sample) for item in floating.inputs}
    messages |= float_run.spikes
    largest = max(trains.shape[2] for trains in messages.values())
    count = min(max(_VALUES // (floating.n_ticks * largest), _LEAST), _MOST)
    return Observation(float_run, Observations(
        {name: trains[:count] for name, trains in messages.items()}, float_run.peaks,
        frozenset(name for name, count in float_run.ties.items()
                  if count < _TIES * np.count_nonzero(float_run.spikes[name]))))


def _messages(item: Input, network: Network, sample: Mapping[str, Array]) -> Array:
    """What an input sends [samples, ticks, sources]; a static one in one tick."""
    n_samples = len(next(iter(sample.values())))
    if item.kind is InputKind.ONE:
        return np.ones((n_samples, 1, item.size))
    return network.feeds(sample)[item.name].reshape(n_samples, -1, item.size)


def network_size(network: Network) -> str:
    """A network in words."""
    return (f"{len(network.populations)} populations, "
            f"{sum(p.size for p in network.populations):,} neurons, "
            f"{sum(p.operator.n_synapses for p in network.projections):,} synapses")


def nothing_on_chip(network: Network) -> Iterator[Diagnostic]:
    """NC206 where every population gets the analog input of each tick, so that the host runs all."""
    if all(p.on_host for p in network.populations):
        first = network.populations[0]
        yield Diagnostic("NC206", first.where, {
            "module": first.name, "encoder": "host",
            "reason": "no other population is left for the chip"})


def over_budget(demand: Mapping[str, int], options: Options) -> Iterable[Diagnostic]:
    """NC411 for each budget of the project that a mapping exceeds."""
    for resource, limit in options.budgets.items():
        if demand[resource] > limit:
            yield Diagnostic("NC411", values={
                "resource": resource, "needed": demand[resource], "limit": limit})
