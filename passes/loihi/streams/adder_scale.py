"""Adders in integers: one scale for all adders of a stream, at which its consumers are proved.

A consumer receives an adder through a weight of 1, so that its scale follows from the adder's. With
the branches as its own synapses it would get the same sums, and so the same ranges of its
registers: that network decides which scales it can have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import networkx as nx
import numpy as np

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Adder, Network, Population, Projection
from neurocompile.passes.loihi.quantization.exact_scale import exact_weights
from neurocompile.passes.loihi.quantization.rounding import clip_warnings
from neurocompile.passes.loihi.quantization.weight_grid import round_to_grid, weight_exponent
from neurocompile.passes.quantization.sums import synaptic_range
from neurocompile.target.loihi import LoihiTarget

ScaleOf = Callable[[Population, Network], float]  # the best one of a population in a network
Fits = Callable[[Population, Network, float], bool]  # whether it could have this one


def adder_scales(network: Network, scale_of: ScaleOf, fits: Fits) -> dict[str, float]:
    """The scale of each adder: whole numbers that it sends per unit of its float sum.

    It is the best one of the consumer with the most branches at which all consumers fit; if there
    is none, the smallest of their best ones.
    """
    scales: dict[str, float] = {}
    for stream in _streams(network):
        consumers = sorted(_consumers(network, stream), key=lambda c: -len(c[2].projections))
        trials: list[float] = []
        for consumer, gain, branches in consumers:
            trials.append(scale_of(consumer, branches) * gain)
            if all(fits(other, around, trials[-1] / own) for other, own, around in consumers):
                break
        else:
            trials.append(min(trials))
        scales |= dict.fromkeys(stream, trials[-1])
    return scales


def integer_adder(network: Network, population: Population, scales: Mapping[str, float], bits: int,
                  target: LoihiTarget
                  ) -> tuple[Population, tuple[Projection, ...], list[Diagnostic]]:
    """An adder in integers, its synapses, and warnings (NC302).

    `network` holds the adders before it in integers already.
    """
    inexact: list[tuple[Projection, Projection]] = []
    synapses: list[Projection] = []
    for projection in network.into(population.name):
        weights = projection.operator.weights
        scale = 1.0 if projection.source in scales else scales[population.name]
        exact = exact_weights(weights, scale, bits, target)
        exponent = weight_exponent(weights, scale, target)
        exponent, integers = exact or (exponent, round_to_grid(weights, scale, exponent, bits))
        synapses.append(replace(projection, exponent=exponent,
                                operator=projection.operator.with_weights(integers)))
        if exact is None:
            inexact.append((projection, synapses[-1]))
    warnings = list(clip_warnings([p for p, _ in inexact], [p for _, p in inexact], bits,
                                  scales[population.name]))
    interval = synaptic_range(replace(network, projections=tuple(synapses)), population)
    return replace(population, neuron=Adder(*interval)), tuple(synapses), warnings


def _streams(network: Network) -> Iterator[list[str]]:
    """Adders that send to each other share a scale."""
    graph = nx.Graph()
    graph.add_nodes_from(p.name for p in network.populations if p.graded)
    graph.add_edges_from((p.source, p.target) for p in network.projections
                         if p.source in graph and p.target in graph)
    return (sorted(names) for names in nx.connected_components(graph))


def _consumers(network: Network, stream: list[str]) -> Iterator[tuple[Population, float, Network]]:
    """Each consumer with its gain, and the network in which it has all branches as synapses."""
    for projection in network.projections:
        target = network.population(projection.target)
        if projection.source in stream and not target.graded:
            gain = float(projection.operator.weights.flat[0])
            branches = [replace(p, target=target.name, operator=p.operator if gain == 1 else
                                p.operator.times(np.full(target.size, gain)))
                        for p in _branches(network, projection.source)]
            yield target, gain, replace(network, projections=(
                *(p for p in network.into(target.name) if p is not projection), *branches))


def _branches(network: Network, adder: str) -> Iterator[Projection]:
    """What an adder sums, through the adders before it."""
    for projection in network.into(adder):
        source = network.sources()[projection.source]
        if isinstance(source, Population) and source.graded:
            yield from _branches(network, projection.source)
        else:
            yield projection
