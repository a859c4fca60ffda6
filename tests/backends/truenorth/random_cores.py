"""Random core networks: every mode of the neuron, thresholds at the sums that are reached."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.core_network import (
    AXONS,
    NEURONS,
    NOWHERE,
    OUTPUT,
    CoreNetwork,
    Cores,
    InputTable,
    PopulationTable,
)
from neurocompile.semantics.truenorth import DELAY_MAX, FLOOR_MAX, POTENTIAL_MAX, THRESHOLD_MAX


def random_network(seed: int, stochastic: bool = False) -> CoreNetwork:
    """One to three cores, a few ticks; a tenth of the networks live at the ends of all ranges."""
    rng = np.random.default_rng(seed)
    count, extreme = int(rng.integers(1, 4)), rng.random() < 0.1
    step, n_ticks = int(rng.integers(1, 4)), int(rng.integers(2, 7))
    elements = int(rng.integers(4, 40))
    cores = random_cores(rng, count, extreme, stochastic)
    rows = int(rng.integers(elements, 5 * elements))
    table = InputTable("x", element=rng.integers(0, elements, rows), core=rng.integers(0, count, rows),
                       axon=rng.integers(0, AXONS, rows), delay=rng.integers(0, 4, rows))
    beat = InputTable("beat", element=np.zeros(3, np.int64), core=rng.integers(0, count, 3),
                      axon=rng.integers(0, AXONS, 3), delay=rng.integers(0, 3, 3), always=True)
    size = int(rng.integers(1, count * NEURONS))
    places = rng.permutation(count * NEURONS)[:size]
    seen = PopulationTable("p", core=places // NEURONS, slot=places % NEURONS,
                           depth=int(rng.integers(0, 5)))
    last = PopulationTable("q", core=places[:1] // NEURONS, slot=places[:1] % NEURONS, depth=5)
    return CoreNetwork(cores, (table, beat), (seen, last), n_ticks, step)


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
