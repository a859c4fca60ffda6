"""The host's encoders: exact maps from analog inputs to the currents of a population."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurocompile.ir.network import Encoder, Input, Population, Projection

INPUT_BITS = 20  # fraction bits of an input, as a share of its largest magnitude


@dataclass(frozen=True, slots=True)
class CurrentFormat:
    """How currents are written, and with how many bits the host computes them."""

    unit: float  # mantissas per float unit
    exponent: int  # of the mantissas
    limit: int  # largest magnitude of a mantissa
    fraction_bits: int  # of the encoder's weights


def encoders(population: Population, analog: Sequence[Projection], inputs: Mapping[str, Input],
             form: CurrentFormat) -> list[Encoder]:
    """The maps from analog inputs to a population's mantissas; its bias is in the first."""
    maps = []
    for number, projection in enumerate(analog):
        item = inputs[projection.source]
        reach = max(abs(item.low), abs(item.high), 1e-30)
        input_shift = INPUT_BITS - math.ceil(math.log2(reach))
        weights = np.rint(projection.operator.weights * form.unit * 2.0**form.fraction_bits)
        shift = input_shift + form.fraction_bits
        offset = np.zeros(population.size, np.int64)
        if population.bias is not None and number == 0:
            static = np.broadcast_to(population.bias.mantissa, (population.size,))
            offset = np.rint(static * form.unit * 2.0**shift).astype(np.int64)
        maps.append(Encoder(
            source=projection.source, target=population.name,
            operator=projection.operator.with_weights(weights.astype(np.int64)), offset=offset,
            input_shift=input_shift, output_shift=shift, exponent=form.exponent,
            limit=form.limit // len(analog)))
    return maps
