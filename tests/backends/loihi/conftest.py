"""Random integer networks, and a slow reference written on the executable specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.sparse as sp

from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Adder, Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Array, Conv, Dense, Sparse
from neurocompile.ir.schedule import Schedule
from neurocompile.semantics.loihi import LoihiNeuron, State, add, step
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target

IF = LoihiNeuron(du=4095, dv=0, vth=200)


@dataclass(frozen=True)
class Reference:
    """What the specification computes: spikes and v [samples, ticks, neurons]."""

    spikes: Mapping[str, Array]
    v: Mapping[str, Array]


@dataclass(frozen=True)
class Case:
    """A network with its schedule and input."""

    network: Network
    schedule: Schedule
    inputs: Mapping[str, Array]


def simulate(network: Network, inputs: Mapping[str, Array]) -> Reference:
    """All populations in all ticks, one Python integer at a time."""
    n_samples = len(next(iter(inputs.values())))
    ticks, sources = network.n_ticks, network.sources()
    spikes = {n: np.zeros((n_samples, ticks, s.size), np.int64) for n, s in sources.items()}
    v = {p.name: np.zeros((n_samples, ticks, p.size), np.int64) for p in network.populations}
    bias = {p.name: np.zeros((n_samples, p.size), np.int64) for p in network.populations}
    for item in network.inputs:
        if item.kind is InputKind.ONE:
            spikes[item.name][:] = 1
        elif item.kind is not InputKind.STATIC:
            spikes[item.name][:] = inputs[item.name].reshape(n_samples, ticks, -1)
    for population in network.populations:
        if population.bias is not None:
            bias[population.name][:] = population.bias.value
    for encoder in network.encoders:
        bias[encoder.target] = encoder.mantissas(inputs) << encoder.exponent
    matrices = {p: p.operator.matrix().astype(np.int64) for p in network.projections}
    for sample in range(n_samples):
        states = {p.name: [State() for _ in range(p.size)] for p in network.populations}
        for t in range(ticks):
            for population in network.order():
                name = population.name
                a = np.zeros(population.size, np.int64)
                for p in network.into(name):
                    if t >= p.delay:
                        a += (matrices[p] @ spikes[p.source][sample, t - p.delay]) << p.exponent
                for i, state in enumerate(states[name]):
                    if isinstance(population.neuron, Adder):
                        spikes[name][sample, t, i] = add(state, int(a[i]))
                        v[name][sample, t, i] = state.v
                        continue
                    assert isinstance(population.neuron, LoihiNeuron)
                    spikes[name][sample, t, i] = step(
                        population.neuron, state, int(a[i]), int(bias[name][sample, i]))
                    v[name][sample, t, i] = state.v
    return Reference({p.name: spikes[p.name] for p in network.populations}, v)


def schedule_of(network: Network) -> Schedule:
    """Longest paths; bias-driven populations start at 0."""
    depth = {item.name: 0 for item in network.inputs}
    for population in network.order():
        depth[population.name] = max(
            (depth[p.source] + 1 for p in network.into(population.name) if p.delay == 0), default=0)
    for p in network.projections:  # a projection of the tick before may need room, too
        depth[p.target] = max(depth[p.target], depth[p.source] + 1 - p.delay)
    return Schedule(depth, network.n_ticks)


def dense(rng: np.random.Generator, n_in: int, n_out: int, scale: int = 60, sign: int = 0) -> Dense:
    """Random weights on the grid: even ones, or of one sign (odd ones as well)."""
    weight = np.rint(rng.normal(0, scale, (n_out, n_in))).astype(np.int32)
    weight = np.clip(weight, -255, 255)
    weight = sign * np.abs(weight) if sign else 2 * (weight // 2)
    return Dense((n_in,), (n_out,), weight)


def sparse(rng: np.random.Generator, n_in: int, n_out: int, density: float = 0.3) -> Sparse:
    """Random even weights at random places."""
    weight = dense(rng, n_in, n_out, 100).weight * (rng.random((n_out, n_in)) < density)
    return Sparse((n_in,), (n_out,), sp.csr_array(weight))


def conv(rng: np.random.Generator, shape: tuple[int, int, int], channels: int,
         kernel: tuple[int, int], stride: tuple[int, int] = (1, 1),
         padding: tuple[int, int] = (0, 0), dilation: tuple[int, int] = (1, 1), groups: int = 1,
         scale: int = 50) -> Conv:
    """A random convolution of even weights."""
    weight = 2 * np.rint(rng.normal(
        0, scale / 2, (channels, shape[0] // groups, *kernel))).astype(np.int32)
    height, width = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(shape[1:], padding, dilation, kernel, stride, strict=True))
    return Conv(shape, (channels, height, width), np.clip(weight, -256, 254), stride, padding,
                dilation, groups)


@pytest.fixture(scope="session")
def loihi2() -> LoihiTarget:
    return loihi_target("loihi2")


INPUTS = (Input("image", (2, 5, 4), InputKind.STATIC), Input("frames", (3, 6, 5), InputKind.SPIKES),
          Input("one", (1,), InputKind.ONE),
          Input("levels", (12,), InputKind.ANALOG, high=15, levels=15))


class Zoo:
    """One network with everything that the backend can emit, in the making."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.populations: list[Population] = []
        self.projections: list[Projection] = []

    def add(self, name: str, shape: tuple[int, ...], neuron: LoihiNeuron = IF,
            bias: Bias | None = None) -> None:
        self.populations.append(Population(name, shape, neuron, bias))

    def join(self, source: str, target: str, operator: Dense | Conv | Sparse, exponent: int = 0,
             delay: int = 0) -> None:
        self.projections.append(Projection(source, target, operator, exponent, delay))

    def some_bias(self, n: int, reach: int = 250, exponent: int = 5) -> Bias:
        return Bias(self.rng.integers(-reach // 4, reach, n), exponent)

    def skips(self) -> Encoder:
        """Encoder -> dense -> dense, a skip over two layers and one into the same population."""
        rng, join = self.rng, self.join
        self.add("encoded", (2, 5, 4), LoihiNeuron(4095, 1024, 120))
        encoder = Encoder(
            target="encoded",
            terms=(("image", Dense((2, 5, 4), (2, 5, 4), rng.integers(-120, 150, (40, 40)))),),
            offset=rng.integers(-9, 9, 40), input_shift=6, output_shift=8, exponent=5, low=-4095,
            high=4095)
        self.add("hidden", (30,), LoihiNeuron(4095, 300, 150), self.some_bias(30))
        self.add("deeper", (20,), IF)
        self.add("merged", (25,), LoihiNeuron(4095, 2048, 300))
        join("encoded", "hidden", dense(rng, 40, 30))
        join("hidden", "deeper", dense(rng, 30, 20))
        join("deeper", "merged", dense(rng, 20, 25))
        join("hidden", "merged", dense(rng, 30, 25), exponent=1)
        join("encoded", "merged", sparse(rng, 40, 25))
        return encoder

    def convolutions(self) -> None:
        """Of spike frames: stride, padding, dilation, groups; a delayed one; pooling."""
        rng, join = self.rng, self.join
        self.add("conv1", (4, 3, 5), LoihiNeuron(4095, 0, 60))
        self.add("conv2", (6, 3, 3), LoihiNeuron(4095, 500, 70))
        self.add("pooled", (6, 1, 2), LoihiNeuron(4095, 0, 40))
        join("frames", "conv1", conv(rng, (3, 6, 5), 4, (3, 2), (2, 1), (1, 1), (1, 2)))
        join("conv1", "conv2", conv(rng, (4, 3, 5), 6, (1, 3), groups=2), exponent=1)
        join("frames", "conv2", conv(rng, (3, 6, 5), 6, (2, 3), (2, 1)))
        join("conv2", "pooled", conv(rng, (6, 3, 3), 6, (2, 2), groups=6, stride=(2, 1), scale=80))

    def graded_spikes(self) -> None:
        """By a dense, a sparse, a convolved and a delayed path; biases by synapses."""
        rng, join = self.rng, self.join
        self.add("graded", (12,), LoihiNeuron(4095, 100, 900))
        self.add("graded2", (9,), LoihiNeuron(4095, 100, 1500))
        join("levels", "graded", dense(rng, 12, 12))
        join("one", "graded", dense(rng, 1, 12), exponent=2)
        join("graded", "graded2", dense(rng, 12, 9), exponent=3)
        join("levels", "graded2", sparse(rng, 12, 9))
        join("levels", "graded2", dense(rng, 12, 9))
        join("levels", "graded2", Conv((3, 2, 2), (1, 3, 3), np.array(
            rng.integers(-9, 9, (1, 3, 2, 2)) * 2, np.int32), padding=(1, 1)))
        join("one", "graded2", dense(rng, 1, 9), exponent=1)

    def resets(self) -> None:
        """All of them, a synaptic current with memory, one sign, feedback; sums beyond 16 bits."""
        rng, join = self.rng, self.join
        for name, reset in (("soft", Reset.SOFT), ("soft1", Reset.SOFT_DELAYED),
                            ("hard1", Reset.HARD_DELAYED), ("none", Reset.NONE)):
            self.add(name, (15,), LoihiNeuron(
                4095, 700, 110, reset, 105 if "soft" in name else 0), self.some_bias(15, 130, 6))
            join("frames", name, dense(rng, 90, 15, 15))
        self.add("cuba", (15,), LoihiNeuron(1500, 333, 400))
        join("soft", "cuba", dense(rng, 15, 15, 80, sign=1))
        join("none", "cuba", dense(rng, 15, 15, 60, sign=-1))
        join("cuba", "soft", dense(rng, 15, 15), delay=2)
        join("cuba", "cuba", sparse(rng, 15, 15), delay=1)
        self.add("loud", (6,), LoihiNeuron(4095, 0, 100_000))
        join("soft1", "loud", Dense((15,), (6,), np.full((6, 15), 68, np.int32)), exponent=7)

    def camera(self, encoder: Encoder) -> Encoder:
        """Simulated by the host, so that only its spikes reach the chip; one alone with its bias."""
        self.populations.append(Population(
            "camera", (2, 5, 4), LoihiNeuron(4095, 0, 120), on_host=True))
        self.add("seen", (11,), LoihiNeuron(4095, 0, 250))
        self.join("camera", "seen", dense(self.rng, 40, 11))
        self.add("alone", (10,), IF, self.some_bias(10, 4000, 1))
        return replace(encoder, target="camera", exponent=6)


def make_zoo(seed: int, samples: int = 3, ticks: int = 6) -> Case:
    """One network with everything that the backend can emit: several unconnected parts."""
    builder = Zoo(seed)
    encoder = builder.skips()
    builder.convolutions()
    builder.graded_spikes()
    builder.resets()
    on_host, rng = builder.camera(encoder), builder.rng
    network = Network(INPUTS, tuple(builder.populations), tuple(builder.projections), (), ticks,
                      (encoder, on_host))
    inputs = {
        "image": rng.random((samples, 2, 5, 4)),
        "frames": rng.integers(0, 2, (samples, ticks, 3, 6, 5)),
        "levels": rng.integers(0, 16, (samples, ticks, 12)),
    }
    return Case(network, schedule_of(network), inputs)


@pytest.fixture(scope="session")
def zoo() -> Case:
    return make_zoo(7)


@pytest.fixture(scope="session")
def zoo_reference(zoo: Case) -> Reference:
    """What the zoo must do."""
    return simulate(zoo.network, zoo.inputs)


@pytest.fixture(scope="session", name="simulate")
def simulate_fixture() -> Callable[[Network, Mapping[str, Array]], Reference]:
    """The slow reference."""
    return simulate
