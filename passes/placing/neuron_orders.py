"""Neuron orders: in which sequence a population's neurons fill cores.

A shape is read as channels x rows x columns: the first axis holds channels, the last columns,
all others rows. An order is named, so that a mapping can be stored as names and ranges:

* `chw`: C order of the shape;
* `hilbert/b`, `rows/b`: b blocks of channels; in a block all pixels, along a Hilbert curve or row
  by row; in a pixel the channels of the block;
* `band/r`: bands of r rows; in a band column by column, in a column its rows, then channels;
* `tile/cxhxw`: boxes of c channels, h rows and w columns, smaller at the ends; boxes row by row,
  those of one place next to each other; in a box row by row, in a pixel its channels;
* `squares/s/b`: as `rows/b`, but pixels in squares of side s, one after another;
* `last/b`: the last axis holds channels, in b blocks; in a block all that stands before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.operators import Shape

MOST_BLOCKS = 64


def candidates(shape: Shape) -> Iterator[str]:
    """Names of the orders to try for a population of that shape, the plainest first."""
    channels, height, width = _chw(shape)
    yield "chw"
    if height * width == 1:
        return
    curve = "hilbert" if height == width and height & (height - 1) == 0 else "rows"
    yield from (f"{curve}/{b}" for b in _blocks(channels))
    if width > 1:
        yield from (f"band/{r}" for r in (2, 4) if r < height)
    if len(shape) == 2:
        yield from (f"last/{b}" for b in _blocks(shape[-1]) if b > 1)


def neuron_order(shape: Shape, name: str) -> NDArray[np.int64]:
    """Flat indices (C order of the shape) in that order. Raises ValueError on another name."""
    channels, height, width = _chw(shape)
    kind, _, number = name.partition("/")
    pixels = np.arange(height * width)
    if kind == "chw":
        return np.arange(math.prod(shape))
    if kind == "tile":
        return _tiles(shape, name)
    if kind == "last":
        flat = np.arange(math.prod(shape)).reshape(-1, shape[-1])
        return np.concatenate([b.reshape(-1) for b in np.array_split(flat, int(number), axis=1)])
    if kind == "hilbert":
        pixels = hilbert(height)
    elif kind == "squares":
        side, _, number = number.partition("/")
        pixels = _squares(height, width, int(side))
    elif kind == "band":
        pixels = _band(height, width, int(number))
    elif kind != "rows":
        raise ValueError(f"no neuron order {name!r}")
    flat = np.arange(math.prod(shape)).reshape(channels, -1)[:, pixels]
    blocks = 1 if kind == "band" else int(number)
    return np.concatenate([b.T.reshape(-1) for b in np.array_split(flat, blocks)])


def tile_name(tile: Shape) -> str:
    """The order of boxes of that many channels, rows and columns."""
    return "tile/" + "x".join(map(str, tile))


def tile_sizes(shape: Shape, name: str) -> NDArray[np.int64]:
    """Neurons of each box of a `tile` order, in its sequence."""
    channels, rows, columns = _spans(shape, name)
    sizes: NDArray[np.int64] = np.multiply.outer(np.multiply.outer(rows, columns), channels)
    return sizes.reshape(-1)


def _spans(shape: Shape, name: str) -> list[NDArray[np.int64]]:
    """Per axis the lengths of the boxes along it."""
    tile = [int(n) for n in name.partition("/")[2].split("x")]
    if len(shape) != 3 or len(tile) != 3:
        raise ValueError(f"no neuron order {name!r} for the shape {shape}")
    return [np.diff(np.append(np.arange(0, n, t), n)) for n, t in zip(shape, tile, strict=True)]


def _tiles(shape: Shape, name: str) -> NDArray[np.int64]:
    tile = [np.repeat(np.arange(len(s)), s) for s in _spans(shape, name)]
    channel, row, column = np.indices(shape).reshape(3, -1)
    return np.lexsort((channel, column, row, tile[0][channel], tile[2][column], tile[1][row]))


def _chw(shape: Shape) -> tuple[int, int, int]:
    if len(shape) < 3:
        channels, height = (*shape, 1, 1)[:2]
        return channels, height, 1
    return shape[0], math.prod(shape[1:-1]), shape[-1]


def _blocks(channels: int) -> Iterator[int]:
    block = 1
    while block <= min(channels, MOST_BLOCKS):
        yield block
        block *= 2


def _band(height: int, width: int, rows: int) -> NDArray[np.int64]:
    y, x = np.divmod(np.arange(height * width), width)
    return np.lexsort((y, x, y // rows))


def _squares(height: int, width: int, side: int) -> NDArray[np.int64]:
    y, x = np.divmod(np.arange(height * width), width)
    return np.lexsort((x, y, x // side, y // side))


def hilbert(side: int) -> NDArray[np.int64]:
    """Flat pixel indices along a Hilbert curve over a square whose side is a power of two."""
    path = np.zeros((1, 1), np.int64)  # position on the curve of each pixel
    size = 1
    while size < side:
        step = size * size
        top = np.concatenate([path.T, path[::-1, ::-1].T + 3 * step], axis=1)
        bottom = np.concatenate([path + step, path + 2 * step], axis=1)
        path = np.concatenate([top, bottom])
        size *= 2
    return np.argsort(path.reshape(-1), kind="stable")
