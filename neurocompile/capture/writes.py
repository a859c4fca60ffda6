"""Writes into parts of a tensor (`out[t] = s`, `y[:, i] = f(x[:, i])`) as joins of their parts.

torch.export makes of each write a copy of the whole tensor with one part replaced. A chain of them
along one axis is one concatenation of what was written and of what was left; the values are the
same, and neither T ticks nor h heads cost T or h copies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import Graph, Node
from torch.utils._pytree import tree_map

aten = torch.ops.aten
WRITES = (aten.select_scatter.default, aten.slice_scatter.default)


@dataclass(frozen=True)
class _Piece:
    """Entries `start` to `stop` of an axis: those of `value` from `begin` on."""

    start: int
    stop: int
    value: Node
    begin: int | None  # None: the value is one entry, without the axis

    def cut(self, start: int, stop: int) -> _Piece:
        """The part between two entries."""
        begin = None if self.begin is None else self.begin + start - self.start
        return replace(self, start=start, stop=stop, begin=begin)


@dataclass(frozen=True)
class _Pieces:
    """A tensor as its pieces along an axis, in order."""

    axis: int
    pieces: tuple[_Piece, ...]

    def with_piece(self, new: _Piece) -> _Pieces:
        """The same with some entries replaced."""
        before = [p.cut(p.start, min(p.stop, new.start)) for p in self.pieces
                  if p.start < new.start]
        after = [p.cut(max(p.start, new.stop), p.stop) for p in self.pieces if p.stop > new.stop]
        return _Pieces(self.axis, (*before, new, *after))


def join_writes(program: ExportedProgram) -> None:
    """Replace writes with step 1 by concatenations, and reads of what was written by that."""
    graph = program.graph
    pieces_of: dict[Node, _Pieces] = {}
    for node in list(graph.nodes):
        args: tuple[Any, ...] = node.args
        if node.target is aten.copy.default and _alike(args[0], args[1]):
            _replace(program, node, args[1])
        elif node.target is aten.select.int and args[0] in pieces_of:
            _read(program, node, pieces_of[args[0]])
        elif node.target in WRITES:
            pieces = _write(node, pieces_of)
            if pieces is not None:
                pieces_of[node] = pieces
    graph.eliminate_dead_code()
    joins: dict[Node, Node] = {}
    for node, parts in pieces_of.items():
        if any(not _goes_on(user, node, parts.axis, pieces_of) for user in node.users):
            now = tuple(replace(p, value=joins.get(p.value, p.value)) for p in parts.pieces)
            joins[node] = _join(graph, node, replace(parts, pieces=now))
            _replace(program, node, joins[node])
    graph.eliminate_dead_code()
    program.graph_module.recompile()


def _write(node: Node, pieces_of: dict[Node, _Pieces]) -> _Pieces | None:
    """What a write makes of its tensor; None for one with gaps."""
    args: tuple[Any, ...] = node.args
    base, source, *rest = args
    axis = int(rest[0]) if rest else 0
    shape = node.meta["val"].shape
    axis %= len(shape)
    size = int(shape[axis])
    if node.target is aten.select_scatter.default:
        start = int(rest[1]) % size
        new = _Piece(start, start + 1, source, None)
    else:
        bounds = dict(zip(("start", "stop", "step"), rest[1:], strict=False))
        if bounds.get("step", 1) != 1:
            return None
        first, last, _ = slice(bounds.get("start"), bounds.get("stop")).indices(size)
        new = _Piece(first, max(first, last), source, 0)
    before = pieces_of.get(base)
    if before is None or before.axis != axis:
        before = _Pieces(axis, (_Piece(0, size, base, 0),))
    return before if new.start == new.stop else before.with_piece(new)


def _read(program: ExportedProgram, node: Node, parts: _Pieces) -> None:
    """Replace a read of one entry by what was written there."""
    args: tuple[Any, ...] = node.args
    axis, entry, shape = int(args[1]), int(args[2]), args[0].meta["val"].shape
    if axis % len(shape) != parts.axis:
        return
    entry %= int(shape[parts.axis])
    piece = next(p for p in parts.pieces if p.start <= entry < p.stop)
    if piece.begin is None and _alike(piece.value, node):
        _replace(program, node, piece.value)


def _goes_on(user: Node, node: Node, axis: int, pieces_of: dict[Node, _Pieces]) -> bool:
    """Whether a user only writes on along the same axis."""
    parts = pieces_of.get(user)
    return (parts is not None and parts.axis == axis and user.args[0] is node
            and user.args[1] is not node)


def _join(graph: Graph, node: Node, parts: _Pieces) -> Node:
    nodes = []
    with graph.inserting_before(node):
        for piece in parts.pieces:
            if piece.begin is None:
                nodes.append(_call(graph, node, aten.unsqueeze.default, piece.value, parts.axis))
            elif piece.stop - piece.start == piece.value.meta["val"].shape[parts.axis]:
                nodes.append(piece.value)
            else:
                nodes.append(_call(graph, node, aten.slice.Tensor, piece.value, parts.axis,
                                  piece.begin, piece.begin + piece.stop - piece.start))
        return _call(graph, node, aten.cat.default, nodes, parts.axis)


def _call(graph: Graph, like: Node, op: Any, *args: Any) -> Node:
    """A new node, of the same place in the user's code as another."""
    node = graph.call_function(op, args)
    node.meta = {k: v for k, v in like.meta.items() if k in ("stack_trace", "nn_module_stack")}
    node.meta["val"] = op(*tree_map(lambda a: a.meta["val"] if isinstance(a, Node) else a, args))
    return node


def _alike(one: Any, two: Any) -> bool:
    a, b = one.meta["val"], two.meta["val"]
    return bool(a.shape == b.shape and a.dtype == b.dtype)


def _replace(program: ExportedProgram, node: Node, by: Any) -> None:
    node.replace_all_uses_with(by)
    program.graph_signature.replace_all_uses(node.name, by.name)
