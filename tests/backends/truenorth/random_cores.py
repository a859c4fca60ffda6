"""Random core networks: every mode of the neuron, thresholds at the sums that are reached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurocompile.passes.truenorth.core_network import (
    NOWHERE,
    OUTPUT,
    CoreNetwork,
    Cores,
    InputTable,
    PopulationTable,
)
from neurocompile.semantics.truenorth import (
    AXONS,
    DELAY_MAX,
    FLOOR_MAX,
    NEURONS,
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    THRESHOLD_MAX,
)


def random_network(seed: int, stochastic: bool = False, small: bool = False) -> CoreNetwork:
    """One to three cores, a few ticks; a tenth of the networks live at the ends of all ranges.

    Small ones have one or two cores and at most 9 ticks of the chip, so the oracle is fast.
    """
    rng = np.random.default_rng(seed)
    count, extreme = 1 + int(rng.random() < 0.3) if small else int(rng.integers(1, 4)), rng.random() < 0.1
    step, n_ticks = int(rng.integers(1, 3 if small else 4)), int(rng.integers(2, 4 if small else 7))
    depth = 2 if small else 5
    elements = int(rng.integers(4, 40))
    cores = random_cores(rng, count, extreme, stochastic)
    rows = int(rng.integers(elements, 5 * elements))
    table = InputTable("x", element=rng.integers(0, elements, rows), core=rng.integers(0, count, rows),
                       axon=rng.integers(0, AXONS, rows), delay=rng.integers(0, 4, rows))
    beat = InputTable("beat", element=np.zeros(3, np.int64), core=rng.integers(0, count, 3),
                      axon=rng.integers(0, AXONS, 3), delay=rng.integers(0, 3, 3), always=True)
    size = int(rng.integers(1, count * NEURONS))
    places = rng.permutation(count * NEURONS)[:size]
    population = PopulationTable("p", core=places // NEURONS, slot=places % NEURONS,
                           depth=int(rng.integers(0, depth)))
    last = PopulationTable("q", core=places[:1] // NEURONS, slot=places[:1] % NEURONS, depth=depth)
    return CoreNetwork(cores, (table, beat), (population, last), n_ticks, step)


def random_input(seed: int, network: CoreNetwork, samples: int) -> dict[str, NDArray[np.uint8]]:
    """Spikes for the input `x` of a random network."""
    rng = np.random.default_rng([seed, 1])
    elements = int(network.inputs[0].element.max()) + 1
    shape = samples, network.n_ticks, elements
    return {"x": (rng.random(shape) < rng.choice([0.1, 0.5, 1.0])).astype(np.uint8)}


def random_cores(rng: np.random.Generator, count: int, extreme: bool, stochastic: bool) -> Cores:
    shape = count, NEURONS
    size = 255 if extreme else int(rng.choice([1, 2, 8, 30]))
    reach = POTENTIAL_MAX - 300 if extreme else 3 * size

    def some(share: float, *more: int) -> NDArray[np.bool_]:
        return rng.random((*shape, *more)) < share
    weights = rng.integers(-size, size + 1, (*shape, 4))
    threshold = rng.integers(0, 4 * size, shape)
    floor = rng.integers(0, 4 * size, shape)
    if extreme:
        weights = rng.choice([-255, 254, 255], (*shape, 4))
        threshold = np.where(some(0.7), THRESHOLD_MAX, threshold)
        floor = np.where(some(0.7), FLOOR_MAX, floor)
    special = float(rng.choice([0.0, 0.3]))
    stochastic_share = float(rng.choice([0.1, 0.6])) if stochastic else 0.0
    return Cores(
        axon_types=rng.integers(0, 4, (count, AXONS), np.uint8),
        crossbar=np.packbits(rng.random((count, AXONS, NEURONS)) < rng.choice([0.02, 0.3, 0.9]),
                             axis=-1, bitorder="little"),
        weights=weights.astype(np.int16),
        leak=np.where(some(0.5), rng.integers(-size, size + 1, shape), 0).astype(np.int16),
        threshold=threshold.astype(np.int32), floor=floor.astype(np.int32),
        reset_value=np.where(some(0.5), rng.integers(-size, size + 1, shape), 0).astype(np.int32),
        reset_mode=rng.integers(0, 3, shape, np.uint8), saturate=some(0.5),
        leak_reversal=some(special),
        random_synapse=some(stochastic_share, 4), random_leak=some(stochastic_share),
        threshold_mask=np.where(some(stochastic_share), rng.choice([1, 7, 255, 2 ** 18 - 1], shape),
                                0).astype(np.int32),
        potential=rng.integers(-reach, reach + 1, shape).astype(np.int32),
        target_core=rng.choice([NOWHERE, OUTPUT, *range(count)], shape).astype(np.int32),
        target_axon=rng.integers(0, AXONS, shape).astype(np.int32),
        delay=rng.integers(1, DELAY_MAX + 1, shape, np.uint8))


def at_the_boundaries(seed: int) -> CoreNetwork:
    """A random network whose thresholds and floors are what the first tick reaches, or one beside.

    Potentials are spread to the ends of 20 bits. Axon 0 to 9 of each core are set by the host.
    """
    network = random_network(seed, small=True)
    cores, rng = network.cores, np.random.default_rng([seed, 2])
    count = len(cores)
    shape = cores.leak.shape
    edge = rng.choice([0, THRESHOLD_MAX, -FLOOR_MAX, POTENTIAL_MAX, POTENTIAL_MIN], shape)
    cores.potential[...] = np.clip(edge + rng.integers(-3, 4, shape), POTENTIAL_MIN, POTENTIAL_MAX)
    synapses = np.unpackbits(cores.crossbar[:, :10], axis=-1, bitorder="little")
    kinds = np.eye(4, dtype=np.int64)[cores.axon_types[:, :10]]
    sums = np.einsum("can,cak,cnk->cn", synapses, kinds, cores.weights.astype(np.int64))
    v = cores.potential + sums
    v += np.where(cores.leak_reversal, cores.leak * np.sign(v), cores.leak)
    cores.threshold[...] = np.clip(v + rng.integers(-1, 2, shape), 0, THRESHOLD_MAX)
    cores.floor[...] = np.clip(-v + rng.integers(-1, 2, shape), 0, FLOOR_MAX)
    core, axon = (x.ravel() for x in np.indices((count, 10)))
    zero = np.zeros_like(core)
    return replace(network, inputs=(InputTable("start", zero, core, axon, zero),))
