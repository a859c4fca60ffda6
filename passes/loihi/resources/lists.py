"""Memory of synapse lists.

A list is cut into blocks; a block of m synapses takes `m * bits + overhead` bits, rounded up to
whole words. nengo-loihi 1.1.0 has blocks of 64 and an overhead of 10 bits; NxTF (Rueckauer 2022)
has 60 and 10, plus the index of the first target where the list is dense, plus 6: a block that
would leave fewer than 6 bits of its last word takes one more. A sparse synapse has the index of
its target beside its weight. What a target counts is the largest over its accountings.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.network import Encoding, Projection
from neurocompile.ir.operators import Array, Conv, Operator
from neurocompile.passes.loihi.resources.amounts import CoreUsage
from neurocompile.passes.placing.nets import form_number
from neurocompile.semantics.loihi_widths import WEIGHT_BITS
from neurocompile.target.loihi import ListAccounting, LoihiTarget

Ints = NDArray[np.int64]
OWN: tuple[Encoding, ...] = ("dense", "sparse")  # encodings in which every source has its list


def list_bits(length: Array, target: LoihiTarget, weight_bits: int,
              encoding: Encoding = "dense") -> Ints:
    """Bits of synapse lists with that many synapses."""
    length, index = np.asarray(length, np.int64), target.synapse.index_bits.value
    synapse = weight_bits + (index if encoding == "sparse" else 0)
    most = np.zeros(length.shape, np.int64)
    for how in target.accounting.values():
        names_first = encoding != "sparse" and how.block_index.value
        overhead = how.block_header.value + how.block_spare.value + (index if names_first else 0)
        most = np.maximum(most, _blocks(length, how, synapse, overhead))
    return most


def _blocks(length: Ints, how: ListAccounting, synapse: int, overhead: int) -> Ints:
    block, word = how.block_synapses.value, how.block_word.value
    full, rest = np.divmod(length, block)
    whole = -(-(block * synapse + overhead) // word) * word
    last = -(-(rest * synapse + overhead) // word) * word
    return np.asarray(full * whole + np.where(rest > 0, last, 0), np.int64)


def tables(target: LoihiTarget, most: int) -> Ints:
    """[forms, most + 1]: bits of a source's own list of each length, by its `form_number`.

    Lists that sources share are in none of them: zeros.
    """
    lengths = np.arange(most + 1)
    result = np.zeros((form_number("dense", WEIGHT_BITS + 1), most + 1), np.int64)
    for weight_bits in range(1, WEIGHT_BITS + 1):
        for encoding in OWN:
            result[form_number(encoding, weight_bits)] = list_bits(
                lengths, target, weight_bits, encoding)
    return result


def tables_without_sharing(target: LoihiTarget, most: int) -> Ints:
    """The same where sources share no lists after all: those are dense."""
    result = tables(target, most)
    for weight_bits in range(WEIGHT_BITS + 1):
        result[form_number("shared", weight_bits)] = result[form_number("dense", weight_bits)]
    return result


def shared_bits(projection: Projection, box: tuple[tuple[int, int], ...],
                target: LoihiTarget) -> int:
    """Bits of a convolution's lists on a core that holds this box of (channels, rows, columns).

    One list per input channel and class of pixels. Two pixels are of a class where the box sees
    them through the same taps of the kernel, rows and columns apart: then their targets lie alike,
    and an axon says by how far they are shifted. A list holds a synapse for each pair of taps and
    each of the box's channels of the group.
    """
    conv, ((first, last), rows, columns) = convolution(projection), box
    per_group = conv.out_shape[0] // conv.groups
    channels = np.bincount(np.arange(first, last) // per_group)
    classes = stencils(conv, 0, *rows), stencils(conv, 1, *columns), channels[channels > 0]
    lengths = np.multiply.outer(np.multiply.outer(*classes[:2]), classes[2])
    return int(list_bits(lengths, target, projection.weight_bits, "shared").sum()
               * conv.weight.shape[1])


def convolution(projection: Projection) -> Conv:
    """The operator of a projection whose sources share lists. Raises TypeError for another one."""
    if not isinstance(projection.operator, Conv):
        raise TypeError(f"{projection.name} is no convolution")
    return projection.operator


def stencils(conv: Conv, axis: int, start: int, stop: int) -> Ints:
    """How many taps each class of input rows (axis 0) or columns (1) has, from those outputs."""
    taps_of: defaultdict[int, int] = defaultdict(int)  # taps of each input, as bits
    for output in conv.taps(axis)[start:stop].tolist():
        for tap, at in enumerate(output):
            taps_of[at] |= 1 << tap
    taps_of.pop(-1, None)
    return np.array(sorted(taps.bit_count() for taps in set(taps_of.values())), np.int64)


def uncut(operator: Operator, target: LoihiTarget, weight_bits: int) -> CoreUsage:
    """Input axons and dense lists of a projection onto one core, were it large enough."""
    nets = operator.nets()
    sources = nets.multiplicity
    length = np.bincount(nets.ids, minlength=len(sources))
    return CoreUsage(input_axons=int(sources[length > 0].sum()), synapse_memory=int(
        (sources * list_bits(length, target, weight_bits)).sum()))
