"""The graph of a .nir file made flat and checked: one level of nodes, edges that exist, shapes.

Shapes are those of one sample. A nested graph's nodes get names `outer.inner`, and its Input and
Output become plain joints, which drop out.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np

from neurocompile.diagnostics import Diagnostic, FindingsError, Location, UsageError
from neurocompile.formats.nir import nodes as n

MAX_ELEMENTS = 1 << 23  # of one value of one sample; published networks have up to 2**22
MAX_WINDOW = 1 << 12  # elements of a pooling window


@dataclass(frozen=True, eq=False)
class FlatGraph:
    """Nodes that are no graphs, what feeds each (in a fixed order), and the shape each puts out."""

    nodes: Mapping[str, n.Node]
    sources: Mapping[str, tuple[str, ...]]
    shapes: Mapping[str, n.Shape]

    def names_of(self, kind: type[n.Input | n.Output]) -> list[str]:
        """The names of the inputs or outputs, sorted."""
        return sorted(name for name, node in self.nodes.items() if isinstance(node, kind))


def flat(graph: n.NIRGraph, file: str) -> FlatGraph:
    """The graph, flat.

    Raises UsageError (NC003) for edges to nothing, unused nodes, a graph without input or output,
    and shapes that do not fit.
    """
    nodes, edges = _flatten(graph, file, "")
    sources = _sources(nodes, edges, file)
    digraph = nx.DiGraph([(a, b) for b, origins in sources.items() for a in origins])
    digraph.add_nodes_from(nodes)
    for kind, ends in (("Input", n.Input), ("Output", n.Output)):
        names = {name for name, node in nodes.items() if isinstance(node, ends)}
        if not names:
            raise _bad(file, f"it has no {kind}")
        walk = digraph if kind == "Input" else digraph.reverse(copy=False)
        within = names.union(*(nx.descendants(walk, name) for name in names))
        if len(within) < len(nodes):
            word = "gets no input" if kind == "Input" else "reaches no output"
            raise _bad(file, f"node `{min(nodes.keys() - within)}` {word}")
    return FlatGraph(nodes, sources, _shapes(nodes, sources, file))


def node_types(graph: n.NIRGraph) -> set[str]:
    """The names of the types of all nodes, those of nested graphs as well."""
    return {type(node).__name__ for node in graph.nodes.values()}.union(
        *(node_types(node) for node in graph.nodes.values() if isinstance(node, n.NIRGraph)))


def of_vectors(graph: n.NIRGraph) -> n.NIRGraph:
    """The graph without the axes of one before an input's or output's last, which Rockpool leaves.

    They are batch and time; its modules take vectors.
    """
    return n.NIRGraph({
        name: replace(node, shape=node.shape[-1:])
        if isinstance(node, n.Input | n.Output) and set(node.shape[:-1]) == {1}
        else node for name, node in graph.nodes.items()}, graph.edges)


def _bad(file: str, reason: str) -> UsageError:
    return UsageError(Diagnostic("NC003", Location(file=file), {
        "file": file, "kind": "a NIR graph", "reason": reason}))


def _flatten(graph: n.NIRGraph, file: str, prefix: str
               ) -> tuple[dict[str, n.Node], list[tuple[str, str]]]:
    nodes: dict[str, n.Node] = {}
    entry: dict[str, str] = {}  # where an edge to a node of this graph leads
    leave: dict[str, str] = {}  # where an edge from a node of this graph starts
    edges: list[tuple[str, str]] = []
    for key, node in graph.nodes.items():
        name = prefix + key
        entry[key] = leave[key] = name
        inner: dict[str, n.Node] = {name: node}
        if isinstance(node, n.NIRGraph):
            inner, inside = _flatten(node, file, f"{name}.")
            edges += inside
            entry[key] = _only(node, n.Input, name, file)
            leave[key] = _only(node, n.Output, name, file)
            inner.update({joint: n.Joint(end.shape) for joint, end in inner.items()
                          if isinstance(end, n.Input | n.Output)})
        clash = nodes.keys() & inner.keys()
        if clash:
            raise _bad(file, f"two nodes are called `{min(clash)}`")
        nodes.update(inner)
    if len(set(graph.edges)) != len(graph.edges):
        twice = next(edge for edge in graph.edges if graph.edges.count(edge) > 1)
        raise _bad(file, f"the edge `{prefix}{twice[0]}` -> `{prefix}{twice[1]}` is there twice")
    for edge in graph.edges:
        for key in edge:
            if key not in graph.nodes:
                raise _bad(file, f"the edge `{prefix}{edge[0]}` -> `{prefix}{edge[1]}` names a "
                                 f"node that is not there, `{prefix}{key}`")
        edges.append((leave[edge[0]], entry[edge[1]]))
    return nodes, edges


def _only(graph: n.NIRGraph, kind: type[n.Input | n.Output], name: str, file: str) -> str:
    ends = [key for key, node in graph.nodes.items() if isinstance(node, kind)]
    if len(ends) != 1:
        raise _bad(file, f"the graph `{name}` has {len(ends)} nodes of type {kind.__name__}; an "
                         "edge to it needs exactly one")
    return f"{name}.{ends[0]}"


def _sources(nodes: Mapping[str, n.Node], edges: list[tuple[str, str]], file: str
             ) -> dict[str, tuple[str, ...]]:
    sources: dict[str, list[str]] = {name: [] for name in nodes}
    for a, b in sorted(edges):
        if isinstance(nodes[b], n.Input) or isinstance(nodes[a], n.Output):
            raise _bad(file, f"the edge `{a}` -> `{b}` enters an Input or leaves an Output")
        sources[b].append(a)
    return {name: tuple(ends) for name, ends in sources.items()}


def _shapes(nodes: Mapping[str, n.Node], sources: Mapping[str, tuple[str, ...]], file: str
            ) -> dict[str, n.Shape]:
    """The shape of every node's output; what enters a node has one shape, whatever the edge."""
    targets: dict[str, list[str]] = {name: [] for name in nodes}
    for b, ends in sources.items():
        for a in ends:
            targets[a].append(b)
    shapes: dict[str, n.Shape] = {}
    entering: dict[str, n.Shape] = {}
    waiting = [(name, node.shape) for name, node in nodes.items() if isinstance(node, n.Input)]
    while waiting:
        name, shape = waiting.pop()
        shapes[name] = shape
        if math.prod(shape) > MAX_ELEMENTS:
            raise _bad(file, f"node `{name}` has {math.prod(shape):,} elements, more than "
                             f"{MAX_ELEMENTS:,}")
        for target in targets[name]:
            before = entering.setdefault(target, shape)
            if before != shape:
                raise _bad(file, f"node `{target}` gets the shapes {before} and {shape}")
            if target not in shapes:
                try:
                    waiting.append((target, out_shape(nodes[target], shape)))
                except ValueError as error:
                    raise _bad(file, f"node `{target}`: {error}") from None
                shapes[target] = waiting[-1][1]
    return shapes


def out_shape(node: n.Node, shape: n.Shape) -> n.Shape:
    """What a node makes of an input of this shape. Raises ValueError where it does not fit."""
    if isinstance(node, n.Affine | n.Linear):
        return _dense(node, shape)
    if isinstance(node, n.Conv1d | n.Conv2d):
        return _conv(node, shape)
    if isinstance(node, n.SumPool2d | n.AvgPool2d):
        if len(shape) != 3:
            raise ValueError(f"pooling needs (channels, height, width), not {shape}")
        if math.prod(node.kernel_size) > MAX_WINDOW or any(
                2 * p > k for p, k in zip(node.padding, node.kernel_size, strict=True)):
            raise ValueError(f"it pools windows of {node.kernel_size}, padded by {node.padding}")
        sizes = zip(shape[1:], node.kernel_size, node.stride, node.padding, (1, 1), strict=True)
        return (shape[0], *(_windows(*size) for size in sizes))
    if isinstance(node, n.Flatten):
        return _flat(node, shape)
    if isinstance(node, n.Output | n.Joint) and node.shape != shape:
        raise ValueError(f"it takes {node.shape} and gets {shape}")
    for field, value in vars(node).items():
        if isinstance(value, np.ndarray) and value.size != 1 and value.shape != shape:
            raise ValueError(f"its {field} has the shape {value.shape}, its input {shape}")
    return shape


def _dense(node: n.Affine | n.Linear, shape: n.Shape) -> n.Shape:
    weight = node.weight
    if weight.ndim != 2 or not shape or weight.shape[1] != shape[-1]:
        raise ValueError(f"a weight of shape {weight.shape} does not take an input of {shape}")
    if isinstance(node, n.Affine) and node.bias.shape not in (weight.shape[:1], ()):
        raise ValueError(f"its bias has the shape {node.bias.shape}, its weight {weight.shape}")
    return (*shape[:-1], weight.shape[0])


def _conv(node: n.Conv1d | n.Conv2d, shape: n.Shape) -> n.Shape:
    weight, dims = node.weight, len(node.stride)
    if weight.ndim != dims + 2 or len(shape) != dims + 1 or (
            weight.shape[1] * node.groups != shape[0] or weight.shape[0] % node.groups):
        raise ValueError(f"a weight of shape {weight.shape} in {node.groups} groups does not take "
                         f"an input of {shape}")
    if node.bias.shape not in (weight.shape[:1], ()):
        raise ValueError(f"its bias has the shape {node.bias.shape}, its weight {weight.shape}")
    if node.input_shape is not None and node.input_shape != shape[1:]:
        raise ValueError(f"its input_shape is {node.input_shape}, its input {shape[1:]}")
    if node.padding == "same":
        if any(step != 1 for step in node.stride):
            raise ValueError("padding `same` goes with stride 1")
        return (weight.shape[0], *shape[1:])
    padding = (0,) * dims if isinstance(node.padding, str) else node.padding
    sizes = zip(shape[1:], weight.shape[2:], node.stride, padding, node.dilation, strict=True)
    return (weight.shape[0], *(_windows(*size) for size in sizes))


def _windows(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    count = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    if count < 1:
        raise ValueError(f"a window of {kernel} does not fit into {size}")
    return count


def _flat(node: n.Flatten, shape: n.Shape) -> n.Shape:
    if node.input_type is not None and node.input_type != shape:
        raise ValueError(f"its input_type is {node.input_type}, its input {shape}")
    dims = len(shape)
    start, end = (d + dims if d < 0 else d for d in (node.start_dim, node.end_dim))
    if not 0 <= start <= end < dims:
        raise ValueError(f"it flattens dimensions {node.start_dim} to {node.end_dim} of {shape}")
    return (*shape[:start], math.prod(shape[start:end + 1]), *shape[end + 1:])


def on_cycles(graph: FlatGraph) -> set[str]:
    """The nodes that lie on a cycle."""
    digraph = nx.DiGraph([(a, b) for b, ends in graph.sources.items() for a in ends])
    parts = nx.strongly_connected_components(digraph)
    return {name for part in parts for name in part
            if len(part) > 1 or digraph.has_edge(name, name)}


def late_edges(graph: FlatGraph, waiting: Container[str]) -> set[tuple[str, str]]:
    """The edges (from, to) whose spikes arrive a tick later: those that close cycles.

    A Delay of a tick or more (`waiting`) breaks a cycle by itself. In what is left of a cycle, each
    edge out of a neuron takes a tick: NIR does not say where a loop waits, and this is what the
    frameworks' recurrent cells do. Raises FindingsError (NC504) for a cycle without either.
    """
    edges = [(a, b) for b, origins in graph.sources.items() for a in origins if b not in waiting]
    within = nx.DiGraph(edges)
    late: set[tuple[str, str]] = set()
    for part in nx.strongly_connected_components(within):
        loop = within.subgraph(part)
        late |= {edge for edge in loop.edges if isinstance(graph.nodes[edge[0]], n.Neuron)}
    within.remove_edges_from(late)
    if not nx.is_directed_acyclic_graph(within):
        path: list[Any] = [a for a, _ in nx.find_cycle(within)]
        raise FindingsError(Diagnostic("NC504", Location(path[0]), {
            "path": " -> ".join((*path, path[0]))}))
    return late


def order(graph: FlatGraph, late: Container[tuple[str, str]], waiting: Container[str]) -> list[str]:
    """All nodes, sources of the same tick first."""
    digraph = nx.DiGraph()
    digraph.add_nodes_from(graph.nodes)
    digraph.add_edges_from((a, b) for b, ends in graph.sources.items() for a in ends
                         if (a, b) not in late and b not in waiting)
    return list(nx.lexicographical_topological_sort(digraph))
