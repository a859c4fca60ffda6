"""NC307 for weights and biases that are no numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurocompile.ir.network import Bias
from neurocompile.passes.quantization.finite import not_finite
from tests.properties.random_nets import random_net


def test_each_place_is_named() -> None:
    network = random_net(3).network
    assert list(not_finite(network)) == []
    first, *others = network.projections
    weights = np.array(first.operator.weights, np.float64)
    weights.flat[2] = np.inf
    population = network.populations[0]
    bias = np.zeros(population.size)
    bias[1] = np.nan
    without_numbers = replace(
        network, projections=(replace(first, operator=first.operator.with_weights(weights)), *others),
        populations=(replace(population, bias=Bias(bias)), *network.populations[1:]))
    assert [(d.code, d.values["name"], d.values["index"]) for d in not_finite(without_numbers)] == [
        ("NC307", first.name, 2), ("NC307", f"bias of {population.name}", 1)]
