"""Networks for mapping: builders, and the four of the benchmark (all weights are 1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from neurocompile.ir.mapping import CoreId, Partition, Placement
from neurocompile.ir.network import Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense, Operator, Shape, Sparse, identity
from neurocompile.passes.placing.route import route
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.target.loihi import LoihiTarget

NEURON = LoihiNeuron(du=4095, dv=0, vth=100)


class Builder:
    """Adds populations one after the other; each projects from the one before."""

    def __init__(self, *input_shape: int) -> None:
        self.inputs = [Input("in", input_shape, InputKind.SPIKES)]
        self.populations: list[Population] = []
        self.projections: list[Projection] = []
        self.last = "in"

    @property
    def shape(self) -> Shape:
        sources: list[Input | Population] = [*self.populations, *self.inputs]
        return next(s.shape for s in sources if s.name == self.last)

    def add(self, name: str, operator: Operator, shape: Shape | None = None) -> Builder:
        self.populations.append(Population(name, shape or operator.out_shape, NEURON))
        self.projections.append(Projection(self.last, name, operator))
        self.last = name
        return self

    def dense(self, name: str, size: int) -> Builder:
        return self.add(name, dense(self.shape, (size,)))

    def conv(self, name: str, channels: int, stride: int = 1, kernel: int = 3,
             padding: int = 1) -> Builder:
        return self.add(name, conv(self.shape, channels, stride, kernel, padding))

    def join(self, source: str, target: str, operator: Operator, delay: int = 0) -> Builder:
        self.projections.append(Projection(source, target, operator, delay=delay))
        return self

    def build(self) -> Network:
        return Network(tuple(self.inputs), tuple(self.populations), tuple(self.projections), (), 4)


def dense(source: Shape, target: Shape) -> Dense:
    """All to all."""
    return Dense(source, target, np.ones((math.prod(target), math.prod(source)), np.int8))


def conv(source: Shape, channels: int, stride: int = 1, kernel: int = 3,
         padding: int = 1) -> Conv:
    """Square kernels, every channel to every channel."""
    sides = tuple((s + 2 * padding - kernel) // stride + 1 for s in source[1:])
    return Conv(source, (channels, *sides), np.ones((channels, source[0], kernel, kernel), np.int8),
                (stride, stride), (padding, padding))


def per_channel(source: Shape, tokens: int) -> Conv:
    """Every channel by itself: dense over its tokens."""
    channels, many = source[0], math.prod(source[1:])
    return Conv((channels, many, 1), (channels * tokens, 1, 1),
                np.ones((channels * tokens, 1, many, 1), np.int8), groups=channels)


def mlp() -> Network:
    """784-512-512-10."""
    return Builder(784).dense("fc1", 512).dense("fc2", 512).dense("fc3", 10).build()


def vggs() -> Network:
    """Six convolutions and two dense layers on 3 x 32 x 32."""
    net = Builder(3, 32, 32)
    for k, (channels, stride) in enumerate(
            [(32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2)], 1):
        net.conv(f"conv{k}", channels, stride)
    return net.dense("fc1", 256).dense("fc2", 10).build()


def vgg16() -> Network:
    """VGG16 with at most 384 channels: more would exceed the input axons of a Loihi 1 core."""
    net = Builder(3, 32, 32)
    layers = [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (256, 1), (384, 2),
              (384, 1), (384, 1), (384, 2), (384, 1), (384, 1)]
    for k, (channels, stride) in enumerate(layers, 1):
        net.conv(f"conv{k}", channels, stride)
    return net.dense("fc1", 512).dense("fc2", 10).build()


def large() -> Network:
    """Seven convolutions on 3 x 128 x 128: 3.6 million neurons, 2.1 billion synapses."""
    net = Builder(3, 128, 128)
    layers = [(64, 1), (64, 1), (128, 2), (128, 1), (192, 2), (128, 1), (128, 1)]
    for k, (channels, stride) in enumerate(layers, 1):
        net.conv(f"conv{k}", channels, stride)
    return net.build()


def mixer() -> Network:
    """Two blocks that mix 64 tokens, then 256 channels, each with its residual."""
    net = Builder(3, 32, 32).conv("embed", 256, 4, 4, 0)
    for b in range(2):
        start = net.last
        net.add(f"{b}.tokh", per_channel((256, 8, 8), 128), (256, 128))
        net.add(f"{b}.toko", per_channel((256, 128), 64), (256, 8, 8))
        net.join(start, f"{b}.toko", identity((256, 8, 8)))
        net.conv(f"{b}.chh", 512, 1, 1, 0).conv(f"{b}.cho", 256, 1, 1, 0)
        net.join(f"{b}.toko", f"{b}.cho", identity((256, 8, 8)))
    net.add("gap", per_channel((256, 8, 8), 1), (256,))
    return net.dense("head", 10).build()


def sparse(source: Shape, target: Shape, density: float, seed: int) -> Sparse:
    """A random synapse list."""
    rng = np.random.default_rng(seed)
    shape = (math.prod(target), math.prod(source))
    csr = sp.csr_array((rng.random(shape) < density).astype(np.int32))
    return Sparse(source, target, csr)


NETWORKS: dict[str, Callable[[], Network]] = {
    "mlp": mlp, "vggs": vggs, "mixer": mixer, "vgg16": vgg16,
}


def with_limits(target: LoihiTarget, **values: int) -> LoihiTarget:
    """The target with other limits of a core, or of its chip."""
    core = {k: replace(getattr(target.core, k), value=v) for k, v in values.items()
            if hasattr(target.core, k)}
    chip = {k: replace(getattr(target.chip, k), value=v) for k, v in values.items()
            if hasattr(target.chip, k)}
    return replace(target, core=replace(target.core, **core), chip=replace(target.chip, **chip))


def counted_as(target: LoihiTarget, accounting: str) -> LoihiTarget:
    """The target with synapse lists counted as one source counts them."""
    return replace(target, accounting={accounting: target.accounting[accounting]})


def messages(network: Network, partition: Partition, target: LoihiTarget) -> int:
    """Messages between cores when every neuron fires once."""
    row = Placement(tuple(CoreId(0, k, 0) for k in range(len(partition.cores))))
    routing = route(network, partition, row, target)
    return int(routing.axons[routing.between_cores].sum())
