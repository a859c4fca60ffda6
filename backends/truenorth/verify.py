"""Verify: a core network in the simulator against the reference, every population and tick."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from neurocompile.backends.results import PopulationComparison, Reference, Verification
from neurocompile.backends.truenorth.results import Probes
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Input, Network
from neurocompile.ir.operators import Array
from neurocompile.passes.truenorth.core_network import CoreNetwork

PROGRAM = "the simulated chip"


def host_spikes(network: Network, cores: CoreNetwork, inputs: Mapping[str, Array],
                spikes: Mapping[str, Array]) -> dict[str, Array]:
    """What the host sends, by table: [samples, n_ticks, sources] of 0 and 1.

    `inputs`: as the reference takes them; `spikes`: those of populations, of which the host runs
    some.
    """
    sources, data = network.sources(), network.feeds(inputs)
    samples = len(next(iter(spikes.values())))
    by_input: dict[str, Array] = {}
    for table in cores.inputs:
        item = sources.get(table.name)
        if table.always:
            continue
        if not len(table.element):  # nothing of it reaches the chip
            by_input[table.name] = np.zeros((samples, network.n_ticks, 0), np.uint8)
        elif isinstance(item, Input):
            by_input[table.name] = item.integers(data[table.name]).reshape(
                samples, network.n_ticks, item.size)
        else:
            by_input[table.name] = spikes[table.name]
    return by_input


def verify_in_simulator(cores: CoreNetwork, network: Network, inputs: Mapping[str, Array],
           reference: Reference) -> Verification:
    """Run the core network on `inputs` and compare it with a reference run of `network`.

    A difference is NC702 for the first one; a population without any spike is NC703.
    """
    start = time.perf_counter()
    simulation = simulate(cores, host_spikes(network, cores, inputs, reference.spikes),
                     probes=Probes(potentials=None))
    seconds = time.perf_counter() - start
    populations, diagnostics, first = [], [], None
    for population in (p for p in network.order() if not p.on_host):
        name = population.name
        expected = np.asarray(reference.spikes[name]).reshape(simulation.spikes[name].shape)
        differs = expected != simulation.spikes[name]
        spikes = int(np.count_nonzero(expected))
        populations.append(PopulationComparison(name, population.size, spikes, int(differs.sum())))
        if not spikes:
            diagnostics.append(Diagnostic("NC703", population.where, {"population": name}))
        for sample, tick, neuron in _first(differs):
            if first is None or (sample, tick) < first[0]:
                first = (sample, tick), neuron, population
    if first is not None:
        (sample, tick), neuron, population = first
        at, name = (sample, tick, neuron), population.name
        v = f"{int(reference.v[name][at]):,}" if name in reference.v else "not recorded"
        note = (f"v after that tick: reference {v}, {PROGRAM} "
                f"{int(simulation.potentials[name][at]):,}")
        diagnostics.insert(0, Diagnostic("NC702", population.where, {
            "population": name, "sample": sample, "tick": tick, "neuron": neuron,
            "expected": int(reference.spikes[name][at]), "found": int(simulation.spikes[name][at]),
            "program": PROGRAM}, notes=(note,)))
    samples = len(next(iter(reference.spikes.values())))
    return Verification(samples, network.n_ticks, tuple(populations), tuple(diagnostics), seconds)


def join(parts: Sequence[Verification]) -> Verification:
    """Several verifications of one network, of samples that follow each other, as one."""
    populations = tuple(PopulationComparison(
        of[0].name, of[0].neurons, sum(one.spikes for one in of), sum(one.differences for one in of))
        for of in zip(*(part.populations for part in parts), strict=True))
    silent = {one.name for one in populations if not one.spikes}
    findings: list[Diagnostic] = []
    before = 0
    for part in parts:
        for one in part.diagnostics:
            if one.code == "NC702" and not findings:
                findings.append(replace(one, values={
                    **one.values, "sample": before + int(str(one.values["sample"]))}))
        before += part.samples
    findings += [one for one in parts[0].diagnostics
              if one.code == "NC703" and one.values["population"] in silent]
    return Verification(before, parts[0].ticks, populations, tuple(findings),
                        sum(part.seconds for part in parts))


def _first(differs: Array) -> Iterator[tuple[int, int, int]]:
    """The first place that is set, if any is."""
    if differs.any():
        sample, tick, neuron = np.unravel_index(int(differs.argmax()), differs.shape)
        yield int(sample), int(tick), int(neuron)
