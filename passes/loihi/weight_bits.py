"""Bits of stored weights, projection by projection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from neurocompile.ir.network import Network, whole
from neurocompile.semantics.loihi_widths import WEIGHT_BITS


def with_weight_bits(network: Network, weight_bits: int, bits_of: Mapping[str, int]) -> Network:
    """The network with the bits of each projection: those of its target, or all the same.

    What an adder sends goes through weights of 1, which take all bits that there are.
    """
    adders = {p.name for p in network.populations if p.graded}
    return replace(network, projections=tuple(
        replace(p, weight_bits=WEIGHT_BITS if p.source in adders
                else bits_of.get(p.target, weight_bits)) for p in network.projections))


def with_equal_bits(network: Network, weight_bits: int) -> Network:
    """The network as if all its weights were stored with so many bits, of one synapse each."""
    return replace(network, projections=tuple(
        replace(p, weight_bits=weight_bits) for p in network.projections if not p.low))


def bits_into(network: Network, population: str) -> int:
    """The bits of a weight into a population, of the widest projection; 0 where none is."""
    return max((p.weight_bits for p in whole(network.into(population))), default=0)
