"""Outputs written tick by tick, `out[t] = s`, become one stack of the ticks.

After decompositions such a write is a `where` over a mask of the axis; a chain of writes that
covers the axis is a concatenation of what was written, and reading one tick of it is that tick.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.fx import Node

from neurocompile.capture.fx_values import Values, origin, shape

_ATEN = torch.ops.aten


@dataclass(frozen=True, eq=False)
class _Write:
    """`base` with `piece` written at `index` of `axis`."""

    base: Node
    piece: Node
    axis: int
    index: int


def stack_ticks(values: Values) -> None:
    """Rewrite the chains of writes of a program that cover an axis, in place."""
    writes: dict[Node, _Write] = {}
    for node in list(values.graph.nodes):
        write = _scattered(node) or _masked(values, node)
        if write is not None:
            writes[node] = write
        read = _read(node, writes)
        if read is not None:
            node.replace_all_uses_with(read)
    for node, write in writes.items():
        pieces = _pieces(node, writes)
        if len(pieces) == shape(node)[write.axis] and not _rewritten(node, writes):
            node.replace_all_uses_with(_stacked(values, node, write.axis, pieces))


def _rewritten(node: Node, writes: dict[Node, _Write]) -> bool:
    return bool(node.users) and all(u in writes and writes[u].base is node for u in node.users)


def _scattered(node: Node) -> _Write | None:
    if node.target is not _ATEN.select_scatter.default:
        return None
    base, piece, axis, index = node.args[:4]
    if not (isinstance(base, Node) and isinstance(piece, Node) and isinstance(axis, int)
            and isinstance(index, int)):
        return None
    return _Write(base, origin(piece), axis % len(shape(node)), index % shape(node)[axis])


def _masked(values: Values, node: Node) -> _Write | None:
    if node.target is not _ATEN.where.self:
        return None
    mask, written, base = node.args
    if not (isinstance(mask, Node) and isinstance(written, Node) and isinstance(base, Node)):
        return None
    added = origin(written)
    if added.target is _ATEN.expand.default and isinstance(added.args[0], Node):
        added = added.args[0]
    if added.target is not _ATEN.unsqueeze.default or mask in values.dynamic:
        return None
    piece, axis = added.args
    chosen = values.tensor(mask)
    if chosen is None or not isinstance(piece, Node) or not isinstance(axis, int):
        return None
    axis %= len(shape(node))
    whole = [1] * len(shape(node))
    whole[axis] = shape(node)[axis]
    hits = chosen.reshape(-1).nonzero().reshape(-1).tolist()
    if list(chosen.shape) != whole or len(hits) != 1 or shape(base) != shape(node):
        return None
    return _Write(base, origin(piece), axis, int(hits[0]))


def _pieces(node: Node, writes: dict[Node, _Write]) -> dict[int, Node]:
    """What a chain of writes holds, by index; the latest write of an index counts."""
    found: dict[int, Node] = {}
    axis = writes[node].axis
    while node in writes and writes[node].axis == axis:
        found.setdefault(writes[node].index, writes[node].piece)
        node = writes[node].base
    return found


def _read(node: Node, writes: dict[Node, _Write]) -> Node | None:
    """What reading one index of written values gives, where it was written."""
    if node.target is not _ATEN.select.int or node.args[0] not in writes:
        return None
    source, axis, index = node.args
    if not (isinstance(source, Node) and isinstance(axis, int) and isinstance(index, int)):
        return None
    if axis % len(shape(source)) != writes[source].axis:
        return None
    return _pieces(source, writes).get(index % shape(source)[axis])


def _stacked(values: Values, node: Node, axis: int, pieces: dict[int, Node]) -> Node:
    meta = {k: m for k, m in node.meta.items() if k in ("nn_module_stack", "stack_trace")}
    with values.graph.inserting_before(node):
        parts = []
        for index in range(len(pieces)):
            part = values.graph.call_function(_ATEN.unsqueeze.default, (pieces[index], axis))
            part.meta.update(meta, val=pieces[index].meta["val"].unsqueeze(axis))
            parts.append(part)
        whole = values.graph.call_function(_ATEN.cat.default, (parts, axis))
    whole.meta.update(meta, val=node.meta["val"])
    return whole
