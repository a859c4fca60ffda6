"""Random integer networks for TrueNorth, their reference, and a stepper of core networks.

Both are written here from `semantics.truenorth`'s equations alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection, Readout
from neurocompile.ir.operators import Conv, Dense, Operator, Shape, Sparse
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.passes.truenorth.legalize import Legalization
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.truenorth import AXONS, NEURONS, TrueNorthNeurons

Spikes = dict[str, NDArray[np.uint8]]


def weights(rng: np.random.Generator, shape: Shape, bits: int, factor: int = 1
            ) -> NDArray[np.int64]:
    """More positive than negative ones, a third zero."""
    if bits == 1:
        values = rng.integers(0, 2, shape)
    else:
        values = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape)
        values = np.where(rng.random(shape) < 0.3, np.abs(values + (values == -(1 << (bits - 1)))),
                          values)
    return np.where(rng.random(shape) < 0.3, 0, values) * factor


def operator(rng: np.random.Generator, source: Shape, target: Shape, bits: int) -> Operator:
    """A convolution where the shapes have one, else dense or sparse."""
    factor = int(rng.integers(1, 4)) if bits < 6 else 1
    if len(source) == 3 and source[1:] == target[1:] and len(target) == 3:
        return Conv(source, target, weights(rng, (target[0], source[0], 3, 3), bits, factor),
                    padding=(1, 1))
    full = weights(rng, (int(np.prod(target)), int(np.prod(source))), bits, factor)
    if rng.random() < 0.3:
        return Sparse(source, target, sp.csr_array(full * (rng.random(full.shape) < 0.5)))
    return Dense(source, target, full)


def neurons(rng: np.random.Generator, into: list[Projection], size: int
            ) -> tuple[TrueNorthNeurons, Bias | None]:
    """Thresholds that the inputs reach often, of one of the three kinds."""
    strength = sum((np.abs(p.operator.matrix()).sum(axis=1) for p in into), np.zeros(size))
    level = np.asarray(strength).reshape(-1) * rng.uniform(0.05, 0.25)
    bias = None
    if rng.random() < 0.7:
        reach = max(2, int(level.max() * rng.choice([0.5, 0.5, 2])))
        bias = Bias(rng.integers(-reach, reach, size))
    if rng.random() < 0.35:
        threshold = np.rint(level * rng.uniform(-0.2, 1, size)).astype(np.int64)
        return TrueNorthNeurons(threshold, Reset.HARD, memory=False), bias
    threshold = np.maximum(1, level.astype(np.int64))
    return TrueNorthNeurons(threshold, Reset.SOFT if rng.random() < 0.5 else Reset.HARD), bias


def random_net(seed: int, axons: int = 250) -> Network:
    """Two inputs, a chain with skips, feedback and constants; all kinds, some on the host.

    Weights have fewer bits, down to one, where the inputs of a neuron would take more axons.
    """
    rng = np.random.default_rng(seed)
    spatial = rng.random() < 0.3
    shape: Shape = (2, 4, 4) if spatial else (int(rng.integers(3, 24)),)
    inputs = [Input("a", shape, InputKind.SPIKES), Input("b", (5,), InputKind.SPIKES),
              Input("one", (1,), InputKind.ONE)]
    shapes: dict[str, Shape] = {"a": shape, "b": (5,)}
    populations: list[Population] = []
    projections: list[Projection] = []
    length = int(rng.choice([2, 3, 4, 6, 20], p=[0.2, 0.3, 0.3, 0.15, 0.05]))
    for k in range(length):
        name = f"p{k}"
        deep = length == 20
        size = int(rng.integers(2, 6)) if deep else int(rng.choice([4, 11, 40, 150]))
        own: Shape = (int(rng.integers(1, 4)), 4, 4) if spatial and not deep else (size,)
        into = from_others(rng, name, own, sources(rng, k, length, shapes), axons)
        into += from_constants(rng, name, own)
        neuron, bias = neurons(rng, into, int(np.prod(own)))
        populations.append(Population(name, own, neuron, bias))
        projections += into
        shapes[name] = own
    if length > 2 and np.random.default_rng([seed, 1]).random() < 0.15:
        populations[0] = replace(populations[0], on_host=True)
    last = populations[-1]
    readouts = (Readout("out", (last.size,), ((last.name, Dense(last.shape, (last.size,), np.eye(
        last.size))),), np.zeros(last.size)),)
    return Network(tuple(inputs), tuple(populations), tuple(projections), readouts,
                   int(rng.integers(3, 9)))


def sources(rng: np.random.Generator, k: int, length: int, shapes: dict[str, Shape]
            ) -> dict[str, Shape]:
    """What the population of number `k` of a chain listens to: the one before it, and skips."""
    names, deep = ["a" if k == 0 else f"p{k - 1}"], length == 20
    for other in ("b", *[f"p{j}" for j in range(k - 1)]):
        if rng.random() < (0.03 if deep and other != "p0" else 0.3) or (
                deep and other == "p0" and k == length - 1):
            names.append(other)
    return {name: shapes[name] for name in names}


def from_others(rng: np.random.Generator, name: str, shape: Shape, shapes: dict[str, Shape],
                axons: int) -> list[Projection]:
    """Projections from populations and inputs, within so many axons where they can be."""
    bits, into = int(rng.integers(1, 9)), list[Projection]()
    for source, source_shape in shapes.items():
        linear = operator(rng, source_shape, shape, bits)
        fan_in = int(np.diff(linear.matrix().indptr).max(initial=0))
        while fan_in * COPIES[bits] > axons and bits > 1:
            bits -= 1
            linear = operator(rng, source_shape, shape, bits)
        if fan_in * COPIES[bits] <= axons or not into:
            axons -= fan_in * COPIES[bits]
            into.append(Projection(source, name, linear))
    return into


def from_constants(rng: np.random.Generator, name: str, shape: Shape) -> list[Projection]:
    """Perhaps a constant, one that comes later, and feedback of the population to itself."""
    size, into = int(np.prod(shape)), list[Projection]()
    if rng.random() < 0.3:
        into.append(Projection("one", name, Dense((1,), shape, rng.integers(-3, 9, (size, 1)))))
    if rng.random() < 0.2:
        into.append(Projection("one", name, Dense((1,), shape, rng.integers(0, 2, (size, 1))),
                               delay=int(rng.integers(1, 4))))
    if rng.random() < 0.2 and size <= 40:
        into.append(Projection(name, name, Sparse(shape, shape, -2 * sp.eye_array(
            size, dtype=np.int64, format="csr")), delay=int(rng.integers(1, 3))))
    return into


COPIES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 10, 8: 14}


def inputs_for(network: Network, samples: int, seed: int = 0) -> Spikes:
    """Random spikes for all inputs that carry some."""
    rng = np.random.default_rng(seed)
    return {item.name: (rng.random((samples, network.n_ticks, item.size)) < 0.5).astype(np.uint8)
            for item in network.inputs if item.kind is InputKind.SPIKES}


def reference(network: Network, inputs: Spikes) -> Spikes:
    """Spikes [samples, ticks, neurons] of all populations."""
    samples, ticks = len(next(iter(inputs.values()))), network.n_ticks
    events = {name: x.reshape(samples, ticks, -1).astype(np.int64) for name, x in inputs.items()}
    for item in network.inputs:
        if item.kind is InputKind.ONE:
            events[item.name] = np.ones((samples, ticks, 1), np.int64)
    order = network.order()
    events |= {p.name: np.zeros((samples, ticks, p.size), np.int64) for p in order
             if p.name not in inputs}
    v = {p.name: np.zeros((samples, p.size), np.int64) for p in order}
    matrices = {id(p): p.operator.matrix().astype(np.int64) for p in network.projections}
    for t in range(ticks):
        for population in order:
            name, neuron = population.name, population.neuron
            if name in inputs:
                continue
            assert isinstance(neuron, TrueNorthNeurons)
            total = v[name] if neuron.memory else np.zeros_like(v[name])
            for p in network.into(name):
                if t >= p.delay:
                    total = total + (matrices[id(p)] @ events[p.source][:, t - p.delay].T).T
            if population.bias is not None:
                total = total + population.bias.value
            spikes = total >= neuron.threshold
            after = total - neuron.threshold if neuron.reset is Reset.SOFT else 0
            v[name] = np.where(spikes, after, total)
            events[name][:, t] = spikes
    return {p.name: events[p.name].astype(np.uint8) for p in order}


def step(network: CoreNetwork, inputs: Spikes) -> Spikes:
    """Spikes [samples, ticks of the model, neurons] of all populations of a core network."""
    cores, samples = network.cores, len(next(iter(inputs.values())))
    n, ticks = len(cores), network.ticks_per_sample
    bits = np.unpackbits(cores.crossbar, axis=2, bitorder="little").astype(np.int64)
    values = np.take_along_axis(cores.weights.astype(np.int64), np.broadcast_to(
        cores.axon_types[:, None, :].astype(np.int64), (n, NEURONS, AXONS)), axis=2)
    synapses = (bits * values.transpose(0, 2, 1)).astype(np.float64)  # exact: below 2^53
    active = np.zeros((ticks + 16, n, samples, AXONS), np.bool_)
    for table in network.inputs:
        for element, core, axon, delay in zip(table.element, table.core, table.axon, table.delay,
                                              strict=True):
            for t in range(network.n_ticks):
                at = t * network.step + delay
                if at < ticks:
                    active[at, core, :, axon] |= True if table.always else inputs[
                        table.name].reshape(samples, network.n_ticks, -1)[:, t, element] > 0
    v = np.repeat(cores.potential[:, None].astype(np.int64), samples, axis=1)
    fired_at = np.zeros((ticks, n, samples, NEURONS), np.uint8)
    source, slot = np.nonzero(cores.target_core >= 0)
    target, axon = cores.target_core[source, slot], cores.target_axon[source, slot]
    delays = cores.delay[source, slot].astype(np.int64)
    for t in range(ticks):
        v = v + np.rint(active[t].astype(np.float64) @ synapses).astype(np.int64)
        v = v + cores.leak[:, None]
        spikes = v >= cores.threshold[:, None]
        linear = cores.reset_mode[:, None] == 1
        after = np.where(linear, v - cores.threshold[:, None], cores.reset_value[:, None])
        v = np.where(spikes, after, np.maximum(v, -cores.floor[:, None].astype(np.int64)))
        fired_at[t] = spikes
        k, who = np.nonzero(spikes[source, :, slot])
        np.logical_or.at(active, (np.minimum(t + delays[k], ticks + 15), target[k], who, axon[k]),
                         True)
    when = np.arange(network.n_ticks) * network.step
    return {p.name: fired_at[when + p.depth][:, p.core, :, p.slot].transpose(2, 1, 0)
            for p in network.populations}


def compare(network: Network, cores: CoreNetwork, samples: int = 3, seed: int = 0
            ) -> tuple[list[str], dict[str, float]]:
    """Populations whose spikes differ, and the share of ticks in which each population fires."""
    inputs = inputs_for(network, samples, seed)
    expected = reference(network, inputs)
    from_host = {p.name: expected[p.name] for p in network.populations if p.on_host}
    chip_spikes = step(cores, {**inputs, **from_host})
    different = [name for name, spikes in chip_spikes.items()
                 if not np.array_equal(spikes, expected[name])]
    return different, {name: float(expected[name].mean()) for name in chip_spikes}


def features(network: Network, legal: Legalization) -> set[str]:
    """What a network shows of legalization."""
    chip, traits = legal.network, set[str]()
    for population in network.populations:
        neuron = population.neuron
        assert isinstance(neuron, TrueNorthNeurons)
        traits.add(neuron.reset.value if neuron.memory else "stateless")
    roles = " ".join(chip.roles)
    traits |= {kind for kind in ("splitter", "relay") if f"{kind} of" in roles}
    return traits | {name for name, present in {
        "host": any(p.on_host for p in network.populations),
        "constants": any(t.name == "constants" for t in chip.inputs),
        "feedback": any(p.source == p.target for p in network.projections),
        "no reload": not chip.reload,
        "shared core": "," in roles,
        "conv": any(isinstance(p.operator, Conv) for p in network.projections),
        "over 256 targets": any(row.copies + row.relays > 256 * row.neurons for row in legal.rows),
    }.items() if present}
