"""The host's encoders, one for each population: exact maps from analog inputs to the currents of a population."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Input, Population, Projection

INPUT_BITS = 20  # fraction bits of an input, as a share of its largest magnitude


@dataclass(frozen=True, slots=True)
class CurrentFormat:
    """How currents are written, and with how many bits the host computes them."""

    unit: float  # mantissas per float unit
    exponent: int  # of the mantissas
    low: int  # the least mantissa
    high: int  # the largest
    fraction_bits: int  # of the encoder's weights
    lossless: bool = False  # what is clipped changes no spike


def encoder_of(population: Population, analog: Sequence[Projection], inputs: Mapping[str, Input],
               form: CurrentFormat) -> Encoder:
    """The map from all analog inputs of a population to its mantissas; its bias is in it."""
    reach = max(max(abs(inputs[p.source].low), abs(inputs[p.source].high)) for p in analog)
    input_shift = INPUT_BITS - math.ceil(math.log2(max(reach, 1e-30)))
    shift = input_shift + form.fraction_bits
    terms = tuple((p.source, p.operator.with_weights(np.rint(
        p.operator.weights * form.unit * 2.0**form.fraction_bits).astype(np.int64)))
        for p in analog)
    offset = np.zeros(population.size, np.int64)
    if population.bias is not None:
        static = np.broadcast_to(population.bias.mantissa, (population.size,))
        offset = np.rint(static * form.unit * 2.0**shift).astype(np.int64)
    return Encoder(target=population.name, terms=terms, offset=offset, input_shift=input_shift,
                   output_shift=shift, exponent=form.exponent, low=form.low, high=form.high,
                   lossless=form.lossless)
