"""Align: when each population computes a tick on chip, so that its spikes equal the model's.

A population lies one step behind its latest source; shorter paths wait. Depths are longest paths,
which networkx finds; feedback (delay 1 in the model) must close without a wait of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.ir.network import Network
from neurocompile.ir.schedule import Schedule


def align(network: Network) -> Schedule:
    """The schedule of a network.

    Raises FindingsError: NC504 for a loop that needs a spike of its own tick, or an earlier one
    than can arrive.
    """
    graph = nx.DiGraph()
    depth = {item.name: 0 for item in network.inputs}
    depth.update({p.name: 0 for p in network.populations if p.on_host})
    graph.add_nodes_from(network.sources())
    for projection in network.projections:
        if projection.delay == 0 and projection.target not in depth:
            graph.add_edge(projection.source, projection.target)
    cycles = next(nx.simple_cycles(graph), None)
    if cycles is not None:
        raise FindingsError(Diagnostic("NC504", network.population(cycles[0]).where, {
            "path": " -> ".join([*cycles, cycles[0]])}))
    for name in nx.lexicographical_topological_sort(graph):
        if name not in depth:
            depth[name] = max((depth[s] + 1 for s in graph.predecessors(name)), default=0)
    schedule = Schedule(depth, network.n_ticks)
    problems = list(too_early(network, schedule))
    if problems:
        raise FindingsError(*problems)
    return schedule


def too_early(network: Network, schedule: Schedule) -> Iterator[Diagnostic]:
    """NC504 for each projection whose spikes cannot arrive in time."""
    for projection, wait in schedule.waits(network):
        if wait < 0:
            yield Diagnostic("NC504", projection.where, {
                "path": f"{projection.name} (feedback over {-wait} more steps than a tick)"})
