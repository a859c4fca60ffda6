"""Numbers that are none: NaN and infinity have no place on any chip."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Network, Population, Projection
from neurocompile.ir.operators import Array


def not_finite(network: Network) -> Iterator[Diagnostic]:
    """NC307 for each projection's weights and each population's biases that are not finite."""
    for projection in network.projections:
        yield from _not_finite(projection.name, projection.operator.weights, projection)
    for population in network.populations:
        if population.bias is not None:
            yield from _not_finite(f"bias of {population.name}", population.bias.mantissa,
                                   population)


def _not_finite(name: str, values: Array, item: Projection | Population) -> Iterator[Diagnostic]:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        yield Diagnostic("NC307", item.where, {
            "name": name, "count": len(bad), "index": int(bad[0])})
