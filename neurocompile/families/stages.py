"""What the stages of all families share: fidelity, budgets, sizes in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends import synchronous
from neurocompile.diagnostics import Diagnostic
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.fidelity import Fidelity, activity, measure
from neurocompile.ir.network import Input, InputKind, Network
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.passes.quantization.observations import Observations

Rates = Mapping[str, float | NDArray[np.float64]]


def measure_fidelity(run: Recorder, lowering: Lowering, floating: Network,
                     network: Network) -> tuple[Fidelity | None, Rates | None]:
    """Fidelity and firing rates on the sample, where there is one."""
    sample = lowering.sample
    if sample is None:
        return None, None
    before_pruning = None if lowering.pruning is None else lowering.whole
    fidelity, rates = run.stage("fidelity", lambda: measure(floating, network, sample, before_pruning),
                                lambda r: f"{r[0].samples} samples")
    run.findings += activity(network, fidelity)
    return fidelity, rates


def observe(run: Recorder, floating: Network, sample: Mapping[str, Array] | None
            ) -> Observations | None:
    """The float network's run on the sample, where there is one."""
    if sample is None:
        return None

    def observations() -> Observations:
        result = synchronous.run(floating, sample)
        inputs = {item.name: _sent(item, floating, sample) for item in floating.inputs}
        return Observations({**inputs, **result.spikes}, result.peaks)

    return run.stage("observe", observations, lambda o: f"{len(o.peaks)} populations")


def _sent(item: Input, network: Network, sample: Mapping[str, Array]) -> Array:
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
