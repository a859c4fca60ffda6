"""Small float networks of one population, and what the quantizer makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurocompile.backends.synchronous import run
from neurocompile.families.stages import observe
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Array, Dense
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.quantize import IntegerForm, LoihiQuantizer
from neurocompile.passes.quantization.observations import Observations
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from tests.loihi import loihi_target

LOIHI1, LOIHI2 = loihi_target("loihi1"), loihi_target("loihi2")
RESETS = tuple(Reset)
ONE = Input("one", (1,), InputKind.ONE)


def neuron(decay: float = 0.5, v_th: float = 1.0, strict: bool = False, reset: Reset = Reset.HARD,
           alpha: float | None = None) -> FloatNeuron:
    model = "LIF" if alpha is None else "CubaLIF"
    return FloatNeuron(model, decay, v_th, strict, reset, alpha)


def spikes(size: int, name: str = "x", levels: int = 1) -> Input:
    return Input(name, (size,), InputKind.SPIKES, levels=levels)


def one_population(cell: FloatNeuron, terms: Sequence[tuple[Input, Array]],
                   bias: Array | None = None, ticks: int = 8) -> Network:
    """A population `n` that gets each input through a matrix."""
    size = len(terms[0][1])
    return Network(
        tuple(item for item, _ in terms),
        (Population("n", (size,), cell, None if bias is None else Bias(np.asarray(bias))),),
        tuple(Projection(item.name, "n", Dense(item.shape, (size,), np.asarray(weight, np.float64)))
              for item, weight in terms), (), ticks)


def observations_of(network: Network, sample: Mapping[str, Array]) -> Observations:
    """What the float network does on a sample."""
    observations = observe(network, sample).values
    assert observations is not None
    return observations


def integers_of(network: Network, sample: Mapping[str, Array] | None = None,
              target: Any = LOIHI2, **options: Any) -> IntegerForm:
    observations = None if sample is None else observations_of(network, sample)
    choices: dict[str, Any] = {"weight_bits": 8, "observations": observations, **options}
    return LoihiQuantizer(**choices).quantize(network, target)


def trains(network: Network, inputs: Mapping[str, Array]) -> Array:
    """What `n` sends [samples, ticks, neurons]."""
    return np.asarray(run(network, inputs).spikes["n"])


def share_wrong(floating: Network, integers: Network, inputs: Mapping[str, Array]) -> float:
    """Spikes of `n` that are not the float network's, per spike of that; it must fire."""
    before, after = trains(floating, inputs), trains(integers, inputs)
    assert before.any()
    return float((before != after).sum() / before.sum())


def scale_of(floating: Network, integers: Network) -> float:
    """Mantissa units of `n` per float unit."""
    old, chip = floating.population("n").floating, loihi_neuron(integers.population("n"))
    return (chip.vth + (not old.strict)) / old.v_th
