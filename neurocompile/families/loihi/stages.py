"""The stages for Loihi alone, from its structure on: integers, synapse lists, cores, places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from neurocompile.diagnostics import Diagnostic
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.fidelity import Rates
from neurocompile.families.loihi.bit_search import weight_bits
from neurocompile.families.loihi.compilation import LoihiCompilation, LoihiStructure
from neurocompile.families.losses import Quantization
from neurocompile.families.stages import (
    Observation,
    measure_fidelity,
    network_size,
    observe,
    over_budget,
)
from neurocompile.ir.mapping import ChipMapping
from neurocompile.ir.network import Network
from neurocompile.options import Options
from neurocompile.passes.loihi import resources
from neurocompile.passes.loihi.mapping.encode import encode, encodings_text
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import every_core_once, recount_partition
from neurocompile.passes.loihi.mapping.refine import refine
from neurocompile.passes.loihi.quantization.bounds import lasting_potentials, state_overflows
from neurocompile.passes.loihi.quantization.quantize import IntegerForm, LoihiQuantizer
from neurocompile.passes.loihi.quantization.rounding_record import read_rounding
from neurocompile.passes.loihi.relay import out_of_range, relay
from neurocompile.passes.placing.nets import into_chip
from neurocompile.passes.placing.place import place
from neurocompile.passes.placing.route import route_traffic
from neurocompile.passes.placing.traffic import core_traffic
from neurocompile.target.loihi import LoihiTarget

FULL = 0.9  # utilization of the fullest core from which a limit's source matters


def compile_network(run: Recorder, structure: LoihiStructure, target: LoihiTarget,
                    options: Options) -> LoihiCompilation:
    """A float network on Loihi's cores; see `Family.compile`."""
    lowering, floating = structure.lowering, structure.floating
    observation = Observation() if lowering.sample is None else run.stage(
        "observe", lambda: observe(floating, lowering.sample),
        lambda _: f"{len(floating.populations)} populations")
    bits_of = weight_bits(run, floating, target, options, lowering, observation)
    integers = _quantize(run, lowering, floating, target, options, observation, bits_of)
    network, schedule, notes = run.stage(
        "relay", lambda: relay(integers.network, structure.schedule, target, options.bits),
        lambda r: f"{sum(p.repeats is not None for p in r[0].populations)} relay populations",
        lambda r: out_of_range(r[0], r[1], target))
    run.findings += notes
    fidelity, rates = measure_fidelity(run, lowering, Quantization(
        floating, network, options,
        lambda other: LoihiQuantizer(
            other.bits, other.encoder, other.overflow, observation.values, bits_of=(
                bits_of if other.weight_bits == options.weight_bits else {})).run(
                    floating, target)[0]), observation.run)
    network = run.stage("encode", lambda: encode(network, target, options.encoding), encodings_text)
    mapping = _map(run, network, target, rates)
    usage = resources.count(network, mapping.partition, target)
    places = mapping.placement.cores
    run.findings += over_budget({
        "cores": len(places), "chips": len({at.chip for at in places}),
        "synapses": resources.n_synapses(network)}, options)
    run.findings += _assumptions(usage, target)
    run.stop()
    return LoihiCompilation(
        graph=lowering.graph, target=target, options=options, floating=floating, network=network,
        schedule=schedule, mapping=mapping, usage=usage, diagnostics=run.diagnostics,
        stages=tuple(run.records), fidelity=fidelity, streams=structure.streams, pruning=lowering.pruning,
        rounding={} if observation.run is None else integers.rounding.arrays())


def _quantize(run: Recorder, lowering: Lowering, floating: Network, target: LoihiTarget,
              options: Options, observation: Observation, bits_of: Mapping[str, int]
              ) -> IntegerForm:
    quantizer = LoihiQuantizer(
        options.bits, options.encoder, options.overflow, observation.values,
        read_rounding(lowering.rounding) if lowering.rounding else None, bits_of)
    integers = run.stage(
        "quantize", lambda: quantizer.quantize(floating, target),
        lambda q: network_size(q.network), lambda q: _out_of_bounds(floating, q.network, target))
    run.findings += integers.warnings
    return integers


def _out_of_bounds(floating: Network, network: Network, target: LoihiTarget) -> Iterator[Diagnostic]:
    """NC303 for registers that overflow, NC208 for neurons without memory that have some."""
    for before, population in zip(floating.populations, network.populations, strict=True):
        yield from state_overflows(network, population, target)
        if not before.graded and before.floating.gate:
            yield from lasting_potentials(network, population, target)


def _map(run: Recorder, network: Network, target: LoihiTarget,
         rates: Rates | None) -> ChipMapping:
    nets = into_chip(network)
    parts = run.stage("partition", lambda: partition(network, target, nets=nets),
                      lambda p: f"{len(p.cores)} cores",
                      lambda p: recount_partition(network, p, target))
    first = parts
    parts = run.stage("refine", lambda: refine(network, first, target, nets=nets),
                      lambda p: f"{len(p.cores)} cores",
                      lambda p: () if p is first else recount_partition(network, p, target))
    traffic = core_traffic(network, parts, rates, nets)
    placement = run.stage("place", lambda: place(parts, target, traffic),
                       lambda p: f"{len({c.chip for c in p.cores})} chips",
                       lambda p: every_core_once(parts, p, target))
    routing = run.stage("route", lambda: route_traffic(traffic, placement, target),
                       lambda r: f"{float(r.messages.sum()):,.0f} messages per tick")
    return ChipMapping(parts, placement, routing)


def _assumptions(usage: resources.Usage, target: LoihiTarget) -> Iterable[Diagnostic]:
    """NC421 for each limit nearly reached that the vendor has not published."""
    limits = dict(target.quantities())
    for resource, quantity in ((r, limits[f"core.{r}"]) for r in resources.UNITS):
        fullest = usage.cores[usage.worst(resource)].utilization(usage.limits)[resource]
        if fullest >= FULL and quantity.confidence != "published":
            yield Diagnostic("NC421", values={
                "resource": resource.replace("_", " "), "limit": quantity.value, "share": fullest,
                "unit": quantity.unit, "path": target.path, "confidence": quantity.confidence})
