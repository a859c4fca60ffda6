"""Codes: every weight matrix is written exactly, in few axons."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurocompile.passes.truenorth.blocks import Block, Feed, Kind
from neurocompile.passes.truenorth.boundaries import drive_of, leak_range
from neurocompile.passes.truenorth.codes import CODES, encodings
from neurocompile.passes.truenorth.crossbar import WHOLE


def synapses(weight: np.ndarray) -> sp.csr_array:
    matrix = sp.csr_array(weight.astype(np.int64))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


@pytest.mark.parametrize(("bits", "axons", "fan_in"), [
    (1, 1, 256), (2, 2, 128), (3, 3, 85), (4, 4, 64), (5, 6, 42), (6, 8, 32), (7, 10, 25),
    (8, 14, 18)])
def test_table_of_codes(bits: int, axons: int, fan_in: int) -> None:
    """The copies of facts/chips.md; the whole range of that many bits is covered."""
    low, high = (0, 1) if bits == 1 else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    code = next(c for c in CODES[4] if c.low <= low and high <= c.high)
    assert (code.axons, 256 // code.axons) == (axons, fan_in)
    for weight in range(low, high + 1):
        digits = code.digits[weight]
        assert sum(k * s for k, s in zip(digits, code.values, strict=True)) == weight
        assert all(0 <= k <= n for k, n in zip(digits, code.copies, strict=True))


@pytest.mark.parametrize(("types", "axons"), [
    (1, [1]), (2, [1, 2, 4, 8, 13, 19, 29, 42, 60]), (3, [1, 2, 3, 5, 7, 11, 15, 20, 26]),
    (4, [1, 2, 3, 4, 6, 8, 10, 14, 18])])
def test_codes_of_fewer_types(types: int, axons: list[int]) -> None:
    codes = CODES[types]
    assert [next(c.axons for c in codes if c.bits == bits)
            for bits in range(1, len(axons) + 1)] == axons
    for code in codes:
        top = min(1 << (code.bits - 1), 255)
        ends = [w for w in (-top, top - 1) if code.low <= w <= code.high]
        assert len(ends) == 2 or code.values[:2] in ((1, 0), (1, -1)) or code.reach == 127
        assert code.values[types:] == code.copies[types:] == (0,) * (4 - types)
        for weight, digits in code.digits.items():
            assert sum(k * s for k, s in zip(digits, code.values, strict=True)) == weight


@settings(deadline=None)
@given(bits=st.integers(1, 8), data=st.data(), scale=st.integers(1, 3))
def test_decoded_is_encoded(bits: int, data: st.DataObject, scale: int) -> None:
    low, high = (0, 1) if bits == 1 else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 9)))
    weight = data.draw(arrays(np.int64, shape, elements=st.integers(low, high)))
    weight = weight * np.where(np.abs(weight * scale).max() < 128, scale, 1)
    matrix = synapses(weight)
    ways = list(encodings(matrix, np.arange(shape[1]) // 3, np.zeros(shape[0], np.int64), WHOLE))
    assert ways
    most = next(c.axons for c in CODES[4] if c.low <= low and high <= c.high)
    for way in ways:
        assert np.array_equal(way.decode(matrix), matrix.data)
        assert np.abs(way.values).max(initial=0) <= 255
        assert way.digits.min(initial=0) >= 0
    assert min(way.digits.sum(axis=1).max(initial=0) for way in ways) <= most


def test_four_values_take_an_axon_each() -> None:
    weight = np.array([[200, -7, 255, -90, 200, -7], [3, 0, 0, -3, 3, -3]])
    best = min(encodings(synapses(weight), np.zeros(6, np.int64), np.zeros(2, np.int64), WHOLE),
               key=lambda way: int(way.digits.sum()))
    assert best.digits.sum(axis=1).tolist() == [1] * 10


def test_one_weight_for_each_feed_takes_one_axon() -> None:
    """Five different weights, two of them in each neuron: the first feed's and the second's."""
    weight = np.array([[3, 3, -5, -5], [7, 0, 9, 9], [-2, -2, 0, 4]])
    ways = encodings(synapses(weight), np.array([0, 0, 1, 1]), np.zeros(3, np.int64), WHOLE)
    maxima = [np.zeros((4, 4), np.int64) for _ in range(9)]
    axons = []
    for way, most in zip(ways, maxima, strict=False):
        np.maximum.at(most, synapses(weight).indices, way.digits)
        axons.append(int(most.sum()))
    assert min(axons) == 4


@settings(deadline=None)
@given(bits=st.integers(2, 8), data=st.data(), depth=st.integers(0, 6), step=st.integers(1, 2),
       memory=st.booleans())
def test_constants_are_exact(bits: int, data: st.DataObject, depth: int, step: int,
                             memory: bool) -> None:
    """Leak and axons add up to the constant, and the leak is one that is exact at that depth."""
    n, m = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 8)))
    weight = data.draw(arrays(np.int64, (n, m), elements=st.integers(
        -(1 << (bits - 1)), (1 << (bits - 1)) - 1)))
    constant = data.draw(arrays(np.int64, n, elements=st.integers(-900, 900)))
    block = Block("a", "a", Kind.MEMORY if memory else Kind.STATELESS, synapses(weight),
                  (Feed("x", m, on_chip=False),), constant, np.full(n, 50))
    low, high = leak_range(block, depth, step, WHOLE, quiet=True)
    ways = [drive_of(block, way, low, high, WHOLE) for way in encodings(
        block.synapses, block.feed_of, constant if step > 1 else np.zeros(n, np.int64), WHOLE)]
    assert any(ways)
    for way in filter(None, ways):
        total = way.encoding.decode(way.block.synapses)
        full = sp.csr_array((total, way.block.synapses.indices, way.block.synapses.indptr),
                            shape=(n, m + 1)).toarray()
        assert np.array_equal(full[:, :m], weight)
        assert np.array_equal(full[:, m] + way.leak, way.block.constant)
        assert np.all((low <= way.leak) & (way.leak <= high))
        if memory:
            assert np.array_equal(way.block.constant, constant)
            fill = way.leak[:, None] * (np.arange(1, max(depth, 1)) - depth)
            assert np.all(fill < 50)
