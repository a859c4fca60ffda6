"""Networks whose projections store weights of different bits."""

from dataclasses import replace

import hypothesis.strategies as st

from neurocompile.ir.network import Network


def with_any_bits(data: st.DataObject, network: Network) -> Network:
    """The network with 1, 4 or 8 bits for each projection."""
    return replace(network, projections=tuple(
        replace(p, weight_bits=data.draw(st.sampled_from([1, 4, 8]))) for p in network.projections))
