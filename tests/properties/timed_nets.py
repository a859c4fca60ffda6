"""Random integer networks for what concerns time: skips, feedback, biases, inputs of every kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Array, Conv, Dense, Operator, Sparse
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target

SHAPE = (2, 3, 3)
SIZE = 18
RESETS = (Reset.HARD, Reset.SOFT, Reset.SOFT_DELAYED, Reset.HARD_DELAYED)


def operator(rng: np.random.Generator, kind: str) -> Operator:
    """Even weights of both signs, more of them positive."""
    if kind == "conv":  # depthwise
        return Conv(SHAPE, SHAPE, 2 * rng.integers(-20, 60, (2, 1, 3, 3)), padding=(1, 1), groups=2)
    weight = 2 * rng.integers(-20, 30, (SIZE, SIZE))
    if kind == "dense":
        return Dense(SHAPE, SHAPE, weight)
    return Sparse(SHAPE, SHAPE, sp.csr_array(weight * (rng.random((SIZE, SIZE)) < 0.4)))


def timed_net(seed: int, size: int = 6, ticks: int = 4) -> Network:
    """A chain of populations `n0`.. with skips, feedback from the tick before, and side chains.

    `n0` gets a static image by its bias, all others spikes; the even ones a constant current too,
    by bias or by the input `one`.
    """
    rng = np.random.default_rng(seed)
    image, frames = Input("image", (5,), InputKind.STATIC), Input("frames", SHAPE, InputKind.SPIKES)
    one = Input("one", (1,), InputKind.ONE)
    names = [f"n{i}" for i in range(size)]
    populations, projections = [], []
    for i, name in enumerate(names):
        reset, u_decays = RESETS[rng.integers(4)], rng.random() < 0.3
        neuron = LoihiNeuron(2000 if u_decays else 4095, int(rng.integers(0, 2000)),
                             int(rng.integers(60, 200)), reset,
                             50 if reset in (Reset.SOFT, Reset.SOFT_DELAYED) else 0)
        bias = Bias(rng.integers(0, 100, SIZE), 6) if i and i % 4 == 0 else None
        populations.append(Population(name, SHAPE, neuron, bias))
        sources = [names[i - 1]] if i else []
        sources += [s for s in ("frames", *names[:max(0, i - 1)]) if rng.random() < 0.35]
        for source in sources:
            kind = ("dense", "sparse", "conv")[rng.integers(3)]
            projections.append(Projection(source, name, operator(rng, kind)))
        if i % 4 == 2:
            projections.append(Projection("one", name, Dense(
                (1,), SHAPE, 2 * rng.integers(0, 50, (SIZE, 1)))))
        if rng.random() < 0.4:  # from itself, or from an earlier one
            source = names[rng.integers(i + 1)]
            projections.append(Projection(source, name, operator(rng, "sparse"),
                                          delay=int(rng.integers(1, 3))))
    encoder = Encoder(
        target="n0", terms=(("image", Dense((5,), SHAPE, rng.integers(20, 200, (SIZE, 5)))),),
        offset=np.zeros(SIZE, np.int64), input_shift=6, output_shift=8, exponent=6, low=-4095,
        high=4095)
    return Network((image, frames, one), tuple(populations), tuple(projections), (), ticks,
                   (encoder,))


def inputs_for(network: Network, samples: int, seed: int = 0) -> Mapping[str, Array]:
    """Images of random values, frames of random spikes."""
    rng = np.random.default_rng(seed)
    return {"image": rng.random((samples, 5)),
            "frames": rng.integers(0, 2, (samples, network.n_ticks, *SHAPE))}


def shuffle(network: Network, seed: int) -> Network:
    """The same network, everything in another order."""
    rng = np.random.default_rng(seed)
    parts: dict[str, Any] = {name: tuple(items[k] for k in rng.permutation(len(items)))
             for name in ("inputs", "populations", "projections", "encoders")
             if (items := getattr(network, name))}
    return dataclasses.replace(network, **parts)


def delays_up_to(limit: int) -> LoihiTarget:
    """Loihi 2 with shorter synaptic delays."""
    target = loihi_target("loihi2")
    longest = dataclasses.replace(target.synapse.max_delay, value=limit)
    return dataclasses.replace(target, synapse=dataclasses.replace(
        target.synapse, max_delay=longest))
