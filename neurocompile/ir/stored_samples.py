"""The samples that a Graph was proved on, kept in its file: later stages compare on them.

The metadata entry `neurocompile.samples` holds a JSON list with an object for each input of the
Graph: `shape`, that of the input but for the axis `batch` (null where there is one sample), along
which only the first samples are kept; `kind` of its elements; `data`, their bytes in base64.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.axes import Role, layouts, shape_of
from neurocompile.ir.graph import Graph

SAMPLES = "neurocompile.samples"  # model metadata: JSON
MAX_SAMPLES = 8
MAX_BYTES = 1 << 20  # of all samples, before base64
MAX_TEXT = 2 * MAX_BYTES  # of the entry

Floats = NDArray[np.float32]


def store(graph: Graph, arrays: Sequence[NDArray[Any]]) -> None:
    """Keep the first samples of a Graph's inputs in it, as many as fit; none where none fits."""
    axes = layouts(graph)
    batch: list[int | None] = []
    for value in graph.model.graph.inputs:
        positions = axes.positions(value, Role.BATCH)
        if len(positions) > 1 or any(len((axes.layout(value) or ())[p]) > 1 for p in positions):
            return  # samples are mixed with something else
        batch.append(next(iter(positions), None))
    count = min([MAX_SAMPLES, *(array.shape[axis] for array, axis in zip(arrays, batch, strict=True)
                                if axis is not None)])
    while count:
        cut = [array if axis is None else array.take(range(count), axis=axis)
               for array, axis in zip(arrays, batch, strict=True)]
        entries = [_entry(array, axis) for array, axis in zip(cut, batch, strict=True)]
        if sum(len(entry["data"]) for entry in entries) <= MAX_BYTES * 4 / 3:
            graph.model.metadata_props[SAMPLES] = json.dumps(entries, sort_keys=True)
            return
        count = count // 2 if any(axis is not None for axis in batch) else 0


def samples_of(graph: Graph) -> tuple[list[Floats], int] | None:
    """Arrays for a Graph's inputs, and how many of their samples are different ones.

    The kept samples are repeated until they are a batch. None where the Graph has none.
    """
    text = graph.model.metadata_props.get(SAMPLES)
    if text is None:
        return None
    arrays, count = [], 1
    for value, (array, axis) in zip(graph.model.graph.inputs, read(text), strict=True):
        shape = shape_of(value)
        if axis is not None and shape is not None:
            count = array.shape[axis]
            array = np.take(array, np.arange(shape[axis]) % count, axis=axis)
        arrays.append(array)
    return arrays, count


def read(text: str) -> list[tuple[Floats, int | None]]:
    """The arrays of an entry, with their axes of samples. Raises ValueError where it is damaged."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"its samples take {len(text):,} bytes")
    try:
        return [_array(entry) for entry in json.loads(text)]
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
        raise ValueError("its samples are damaged") from None


def fit(arrays: Sequence[tuple[Floats, int | None]], shapes: Sequence[Sequence[int]]) -> bool:
    """Whether arrays of an entry are samples for inputs of these shapes."""
    counts = {array.shape[axis] for array, axis in arrays if axis is not None}
    return len(arrays) == len(shapes) and len(counts) <= 1 and all(
        len(array.shape) == len(shape) and all(
            1 <= a <= b if position == axis else a == b
            for position, (a, b) in enumerate(zip(array.shape, shape, strict=True)))
        for (array, axis), shape in zip(arrays, shapes, strict=True))


def _entry(array: NDArray[Any], axis: int | None) -> dict[str, Any]:
    flat = np.asarray(array, np.float32).reshape(-1)
    kind = next(name for name, (holds, _, _) in _KINDS.items() if holds(flat))
    return {"shape": list(array.shape), "batch": axis, "kind": kind,
            "data": base64.b64encode(_KINDS[kind][1](flat)).decode("ascii")}


def _array(entry: dict[str, Any]) -> tuple[Floats, int | None]:
    shape, axis = tuple(entry["shape"]), entry["batch"]
    sound = all(type(n) is int and n >= 0 for n in shape) and (
        axis is None or (type(axis) is int and 0 <= axis < len(shape)))
    count = math.prod(shape)
    if not sound or count > 8 * MAX_BYTES:
        raise ValueError("no shape")
    array = _KINDS[entry["kind"]][2](base64.b64decode(entry["data"], validate=True), count)
    if not np.isfinite(array).all():
        raise ValueError("not finite")
    return array.astype(np.float32).reshape(shape), axis


def _bits(data: bytes, count: int) -> NDArray[Any]:
    if len(data) != -(-count // 8):
        raise ValueError("another length")
    return np.unpackbits(np.frombuffer(data, np.uint8), count=count)


_Kind = tuple[Callable[[Floats], bool], Callable[[Floats], bytes],
              Callable[[bytes, int], NDArray[Any]]]
_KINDS: dict[str, _Kind] = {  # what it holds, its bytes, and back
    "bits": (lambda x: bool(np.isin(x, (0, 1)).all()),
             lambda x: np.packbits(x.astype(np.uint8)).tobytes(), _bits),
    "bytes": (lambda x: bool(np.isin(x, np.arange(256)).all()),
              lambda x: x.astype(np.uint8).tobytes(),
              lambda data, count: np.frombuffer(data, np.uint8).reshape(count)),
    "floats": (lambda _: True, lambda x: x.astype("<f4").tobytes(),
               lambda data, count: np.frombuffer(data, "<f4").reshape(count)),
}
