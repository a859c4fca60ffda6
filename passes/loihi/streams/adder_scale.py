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
from neurocompile.passes.loihi.quantization.calibration import calibrate_adder
from neurocompile.passes.loihi.quantization.decision import Decision, IntegerPart
from neurocompile.passes.loihi.quantization.exact_scale import exact_weights
from neurocompile.passes.loihi.quantization.pairs import halves
from neurocompile.passes.loihi.quantization.rounding import clip_warnings
from neurocompile.passes.loihi.quantization.weight_grid import (
    Weights,
    best_exponent,
    round_to_grid,
)
from neurocompile.passes.quantization.observations import Observations
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


def integer_adder(network: Network, population: Population, scales: Mapping[str, float],
                  target: LoihiTarget, observations: Observations | None,
                  decision: Decision | None) -> tuple[IntegerPart, list[Diagnostic]]:
    """An adder in integers, with its synapses, and warnings (NC302).

    `network` holds the adders before it in integers already. Weights are refinements on samples where
    there are some, or as they were before.
    """
    synapses = tuple(network.into(population.name))
    own = [1.0 if p.source in scales else scales[population.name] for p in synapses]
    exact = [exact_weights(p, scale, target)
             for p, scale in zip(synapses, own, strict=True)]
    weights = [one or _nearest(p, scale, target)
               for p, scale, one in zip(synapses, own, exact, strict=True)]
    inexact = [number for number, one in enumerate(exact) if one is None]
    if decision is not None:
        weights = list(decision.weights)
    elif observations is not None and inexact:
        refinements = calibrate_adder(
            [synapses[n] for n in inexact], [weights[n] for n in inexact],
            scales[population.name], observations, network.n_ticks)
        for number, integers in zip(inexact, refinements, strict=True):
            weights[number] = integers
    projections = tuple(
        one for p, integers in zip(synapses, weights, strict=True) for one in halves(p, *integers))
    warnings = list(clip_warnings([synapses[n] for n in inexact], [weights[n][0] for n in inexact],
                                  scales[population.name]))
    interval = synaptic_range(replace(network, projections=projections), population)
    return IntegerPart(
        replace(population, neuron=Adder(*interval)), projections,
        decision=Decision(k=0, weights=tuple(weights))), warnings


def _nearest(projection: Projection, scale: float, target: LoihiTarget) -> Weights:
    weights, bits = projection.operator.weights, projection.weight_bits
    exponent, _ = best_exponent(weights, scale, bits, target)
    return exponent, round_to_grid(weights, scale, exponent, bits)


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
