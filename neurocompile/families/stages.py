"""What the stages of all families share: fidelity, budgets, sizes in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from neurocompile.diagnostics import Diagnostic
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.fidelity import Fidelity, Measurement, Rates, Source, measure
from neurocompile.families.losses import Quantization, losses
from neurocompile.families.seeded import active_inputs
from neurocompile.ir.network import Network
from neurocompile.options import Options

SAMPLE: Source = "sample"
CAPTURE: Source = "capture"
NOISE: Source = "seeded"

def measure_fidelity(run: Recorder, lowering: Lowering, one: Quantization
                     ) -> tuple[Fidelity, Rates | None]:
    """Fidelity; and firing rates on the user's sample, where there is one.

    Without one it is measurement on what the gate ran, if every population fires there, else on seeded
    inputs. Raises FindingsError (NC701) where a population loses more than is allowed.
    """
    before_pruning = None if lowering.pruning is None else lowering.whole

    def measurement() -> Measurement:
        gate, float_run = lowering.gate, None
        inputs, source = lowering.sample, SAMPLE
        if inputs is None and gate is not None and gate.active and not gate.seeded:
            inputs, source = gate.inputs, CAPTURE
        if inputs is None:
            source = NOISE
            inputs, float_run = active_inputs(one.floating)
        return measure(one.floating, one.network, inputs, source, before_pruning, float_run)

    result = run.stage("fidelity", measurement, lambda r: f"{r.fidelity.samples} samples")
    run.findings += losses(one, result)
    run.stop()
    return result.fidelity, None if lowering.sample is None else result.rates


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
