"""Merged nets into a population: what is counted instead of synapses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.network import Encoding, Network, Population, Projection
from neurocompile.ir.operators import Nets, Operator, Sparse

Ints = NDArray[np.int64]
ENCODINGS: tuple[Encoding, ...] = ("dense", "sparse", "shared")


def form_number(encoding: Encoding, weight_bits: int) -> int:
    """The number of a form of lists: an encoding, and the bits of a weight."""
    return weight_bits * len(ENCODINGS) + ENCODINGS.index(encoding)


@dataclass(frozen=True, eq=False)
class Incoming:
    """All nets into a population: `pins[v, e]` is 1 where net e reaches neuron v."""

    pins: sp.csr_array  # [neurons, nets] int32
    multiplicity: Ints  # source neurons per net
    form: NDArray[np.int8]  # `form_number` of its lists, per net
    sources: tuple[tuple[Projection, Ints], ...]  # net of each source neuron

    @property
    def shared(self) -> bool:
        """Whether sources of some projection share lists."""
        return any(projection.encoding == "shared" for projection, _ in self.sources)


def incoming(network: Network, population: Population) -> Incoming:
    """The nets of all projections into a population; equal nets of a projection are merged.

    Those of sparse lists leave out the weights that are zero.
    """
    blocks, counts, forms, sources, offset = [], [], [], [], 0
    for projection in network.into(population.name):
        pins, of_source = _merge(_without_zeros(projection).nets(), population.size)
        blocks.append(pins)
        counts.append(np.bincount(of_source, minlength=pins.shape[1]))
        forms.append(np.full(pins.shape[1], form_number(
            projection.encoding, projection.weight_bits), np.int8))
        sources.append((projection, of_source + offset))
        offset += pins.shape[1]
    empty = sp.csr_array((population.size, 0), dtype=np.int32)
    pins = blocks[0] if len(blocks) == 1 else sp.hstack([empty, *blocks], format="csr")
    multiplicity = np.concatenate([np.zeros(0, np.int64), *counts]).astype(np.int64)
    return Incoming(pins, multiplicity, np.concatenate([np.zeros(0, np.int8), *forms]),
                    tuple(sources))


def into_chip(network: Network) -> dict[str, Incoming]:
    """The nets into each population on chip, by name."""
    return {p.name: incoming(network, p) for p in network.populations if not p.on_host}


def pins_per_core(nets: Incoming, core_of: Ints, n_cores: int) -> sp.csr_array:
    """[cores, nets]: how many of a net's target neurons each core holds."""
    size = len(core_of)
    members = sp.csr_array((np.ones(size, np.int32), (core_of, np.arange(size))),
                           shape=(n_cores, size))
    return sp.csr_array(members @ nets.pins)


def _without_zeros(projection: Projection) -> Operator:
    """The operator, without weights of zero where lists are sparse."""
    operator = projection.operator
    if projection.encoding != "sparse" or np.all(operator.weights):
        return operator
    matrix = sp.csr_array(operator.matrix(), copy=True)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return Sparse(operator.in_shape, operator.out_shape, matrix)


def _merge(nets: Nets, n_targets: int) -> tuple[sp.csr_array, Ints]:
    """Pins [targets, nets] and net of each source, with nets of equal pins made one.

    Equality is that of two 64-bit sums of a random number per target, from a fixed seed.
    """
    n_nets = int(nets.of_source.max(initial=-1)) + 1
    ids = nets.ids.astype(np.int32)
    pins = sp.csr_array((np.ones(len(ids), np.int32), ids, nets.ptr), shape=(n_targets, n_nets))
    keys = np.random.default_rng(0).integers(1 << 63, size=(n_targets, 2), dtype=np.uint64)
    prints = pins.T.astype(np.uint64) @ keys
    order = np.lexsort((prints[:, 1], prints[:, 0]))
    begins = np.ones(n_nets, np.bool_)
    begins[1:] = np.any(prints[order[1:]] != prints[order[:-1]], axis=1)
    if begins.all():
        return pins, nets.of_source
    group = np.empty(n_nets, np.int64)
    group[order] = np.cumsum(begins) - 1
    return sp.csr_array(pins[:, order[begins]]), group[nets.of_source]
