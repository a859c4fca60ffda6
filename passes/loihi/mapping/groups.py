"""The sequence of populations, producers first, with those of a recurrent cycle together."""

from __future__ import annotations

import networkx as nx

from neurocompile.ir.network import Network, Population


def groups(network: Network) -> list[list[Population]]:
    """Populations, producers first; those of one recurrent cycle together."""
    try:
        sequence = network.order()
    except nx.NetworkXUnfeasible:
        sequence = list(network.populations)
    position = {p.name: k for k, p in enumerate(p for p in sequence if not p.on_host)}
    by_name = {p.name: p for p in sequence}
    graph = nx.DiGraph()
    graph.add_nodes_from(position)
    graph.add_edges_from((p.source, p.target) for p in network.projections
                         if p.source in position and p.target in position)
    cycles = nx.condensation(graph)
    members = {c: sorted(cycles.nodes[c]["members"], key=position.__getitem__) for c in cycles}
    walk = nx.lexicographical_topological_sort(cycles, key=lambda c: position[members[c][0]])
    return [[by_name[name] for name in members[c]] for c in walk]
