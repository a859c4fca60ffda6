"""Speed of the TrueNorth simulator: synaptic events a second, by engine, in one run.

Run: python -m benchmarks.truenorth [ENGINE ...] [--cores N] [--ticks N], or with --network FILE
[--samples N] for the time of a sample of a core network's file, its inputs random at 20 %. CPU
seconds of the process, one thread, preparation included. The load is the one that papers quote: every neuron spikes at 20 Hz (once in 50 ticks)
and has 128 synapses. Its neurons are pacemakers of random phase, so the rate holds by construction:
a leak of 1 and a threshold of 50, weights that add up to 0 for every neuron, random targets and
delays. Memory is the process's peak, everything included. Ratios are what a run says; seconds
depend on the machine.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from neurocompile.backends.truenorth.network_file import load_network
from neurocompile.backends.truenorth.results import Probes
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.passes.truenorth.core_network import CoreNetwork, Cores, PopulationTable
from neurocompile.semantics.truenorth import AXONS, NEURONS

PERIOD = 50  # ticks between spikes of a neuron
BARS = {"numba": 100e6, "c": 400e6}  # synaptic events per CPU second at 4096 cores


def main() -> int:
    """Print the table; 1 if a bar is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engines", nargs="*", default=["numpy", "numba", "c"])
    parser.add_argument("--cores", type=int, default=4096)
    parser.add_argument("--ticks", type=int, default=200)
    parser.add_argument("--network", type=Path)
    parser.add_argument("--samples", type=int, default=256)
    arguments = parser.parse_args()
    if arguments.network is not None:
        return time_of_samples(arguments.network, arguments.engines, arguments.samples)
    network = reference_load(arguments.cores, arguments.ticks)
    print(f"{arguments.cores:,} cores, {arguments.cores * NEURONS:,} neurons; before: {peak():.0f} MB")
    print(f"{'engine':8}{'ticks/s':>10}{'M events/s':>12}{'Hz':>7}{'CPU s':>8}{'peak MB':>9}")
    misses, checks = False, set()
    for engine in arguments.engines:
        simulate(reference_load(1, 2), {}, engine=engine)  # compiles
        start = time.process_time()
        simulation = simulate(network, {}, engine=engine, probes=Probes(spikes=()))
        seconds = time.process_time() - start
        events = int(simulation.activity.synaptic_events.sum())
        spikes = simulation.activity.spikes
        checks.add((events, spikes.tobytes()))
        hertz = spikes.sum() / arguments.cores / NEURONS / arguments.ticks * 1000
        print(f"{engine:8}{arguments.ticks / seconds:10.1f}{events / seconds / 1e6:12.0f}{hertz:7.1f}"
              f"{seconds:8.2f}{peak():9.0f}")
        misses |= arguments.cores == 4096 and events / seconds < BARS.get(engine, 0)
    print("all engines counted the same" if len(checks) == 1 else "engines differ")
    return int(misses or len(checks) != 1)


def time_of_samples(path: Path, engines: list[str], samples: int) -> int:
    """Print milliseconds per sample by engine; 1 if engines differ."""
    network, rng, counts = load_network(path), np.random.default_rng(0), set()
    inputs = {t.name: (rng.random((samples, network.n_ticks, int(t.element.max(initial=0)) + 1)) < 0.2)
              .astype(np.uint8) for t in network.inputs if not t.always}
    print(f"{path.name}: {len(network.cores):,} cores, {network.ticks_per_sample} ticks a sample")
    print(f"{'engine':8}{'ms/sample':>11}{'M events/s':>12}{'peak MB':>9}")
    for engine in engines:
        simulate(network, {name: x[:1] for name, x in inputs.items()}, engine=engine)  # compiles
        start = time.process_time()
        activity = simulate(network, inputs, engine=engine).activity
        seconds = time.process_time() - start
        events = int(activity.synaptic_events.sum())
        counts.add((events, activity.spikes.tobytes()))
        print(f"{engine:8}{seconds / samples * 1e3:11.3f}{events / seconds / 1e6:12.0f}{peak():9.0f}")
    return int(len(counts) != 1)


def peak() -> float:
    """Largest resident memory of the process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def reference_load(count: int, ticks: int) -> CoreNetwork:
    """Cores of pacemakers: 20 Hz, 128 synapses per neuron."""
    rng = np.random.default_rng(0)
    shape = count, NEURONS
    weights = np.tile(np.array([1, -1, 1, -1], np.int16), (*shape, 1))
    zero = np.zeros(shape, np.int32)
    no = np.zeros(shape, np.bool_)
    cores = Cores(
        axon_types=np.tile(np.arange(AXONS, dtype=np.uint8) % 4, (count, 1)),
        crossbar=rng.integers(0, 256, (count, AXONS, NEURONS // 8), np.uint8), weights=weights,
        leak=np.ones(shape, np.int16), threshold=zero + PERIOD, floor=zero + 1000,
        reset_value=zero, reset_mode=np.ones(shape, np.uint8), saturate=~no, leak_reversal=no,
        random_synapse=np.zeros((*shape, 4), np.bool_), random_leak=no, threshold_mask=zero,
        potential=rng.integers(0, PERIOD, shape, np.int32),
        target_core=rng.integers(0, count, shape, np.int32),
        target_axon=rng.integers(0, AXONS, shape, np.int32),
        delay=rng.integers(1, 16, shape, np.uint8))
    outputs = PopulationTable("all", np.zeros(1, np.int64), np.zeros(1, np.int64), 0)
    return CoreNetwork(cores, (), (outputs,), ticks)


if __name__ == "__main__":
    raise SystemExit(main())
