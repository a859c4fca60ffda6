"""Memory of lists by each accounting, and shared lists against lists written out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.families.targets import known_targets, load_target
from neurocompile.ir.network import Encoding, Projection
from neurocompile.ir.operators import Conv
from neurocompile.passes.loihi.mapping.lists import lists_of, stored_bits, with_list_weights
from neurocompile.passes.loihi.resources import (
    capacity,
    list_bits,
    shared_bits,
    tables,
    tables_without_sharing,
)
from neurocompile.passes.placing.nets import ENCODINGS, form_number
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target

LOIHI1 = loihi_target("loihi1")
assert isinstance(LOIHI1, LoihiTarget)


def by(name: str) -> LoihiTarget:
    return replace(LOIHI1, accounting={name: LOIHI1.accounting[name]})


def written_out(conv: Conv, encoding: Encoding, neurons: np.ndarray) -> tuple[int, np.ndarray]:
    """Input axons, and lengths of the lists stored."""
    counts = np.zeros(conv.in_size, np.int64)
    structure = with_list_weights(Projection("in", "a", conv, encoding=encoding))
    sources, lengths = lists_of(structure, encoding, neurons, counts)
    assert not counts.any()
    return len(sources), lengths


def nxtf_words(synapses: int, each: int, prefix: int) -> int:
    """NxTF's rule as it is written: 60 synapses per entry, no fewer than 6 bits left in it."""
    words = 0
    while synapses:
        block = min(synapses, 60)
        bits = prefix + block * each
        words += -(-bits // 64) + (bits % 64 == 0 or bits % 64 >= 59)
        synapses -= block
    return words


@pytest.mark.parametrize("bits", [1, 3, 5, 8])
def test_nxtf(bits: int) -> None:
    lengths = np.arange(400)
    dense = [64 * nxtf_words(n, bits, 10 + 10) for n in range(400)]
    sparse = [64 * nxtf_words(n, bits + 10, 10) for n in range(400)]
    assert list_bits(lengths, by("nxtf"), bits).tolist() == dense
    assert list_bits(lengths, by("nxtf"), bits, "sparse").tolist() == sparse


def test_the_stricter_count_holds() -> None:
    lengths = np.arange(400)
    both = [list_bits(lengths, by(name), 8) for name in LOIHI1.accounting]
    assert np.array_equal(list_bits(lengths, LOIHI1, 8), np.maximum(*both))
    assert not np.array_equal(both[0], both[1])
    # 62 synapses are one block of nengo-loihi's and two of NxTF's
    assert [int(one[62]) for one in both] == [512, 576]


def test_nxtf_refuses_a_full_core() -> None:
    assert capacity(by("nengo-loihi")).synapse_memory == 16384 * 64
    assert capacity(LOIHI1).synapse_memory == 16383 * 64


@pytest.mark.parametrize("name", [n for n in known_targets() if "loihi" in n])
def test_an_index_names_every_neuron_of_a_core(name: str) -> None:
    target = load_target(name)
    assert isinstance(target, LoihiTarget)
    assert 2 ** target.synapse.index_bits.value == target.core.neurons.value


def test_tables_are_the_lists() -> None:
    every, own_lists = tables(LOIHI1, 70), tables_without_sharing(LOIHI1, 70)
    for bits in (1, 3, 8):
        dense, sparse, shared = (form_number(e, bits) for e in ENCODINGS)
        assert every[dense, 70] == list_bits(np.array([70]), LOIHI1, bits)[0]
        assert every[sparse, 70] == list_bits(np.array([70]), LOIHI1, bits, "sparse")[0]
        assert not every[shared].any()
        assert np.array_equal(own_lists[[dense, sparse, shared]], every[[dense, sparse, dense]])


@st.composite
def convs(draw: st.DrawFn) -> Conv:
    groups = draw(st.integers(1, 2))
    ins, outs = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    side, kernel = draw(st.integers(3, 8)), draw(st.integers(1, 3))
    stride, padding, dilation = (draw(st.integers(*r)) for r in ((1, 3), (0, 2), (1, 2)))
    reach = dilation * (kernel - 1) + 1
    rows = (max(side, reach) + 2 * padding - reach) // stride + 1
    return Conv((ins, max(side, reach), max(side, reach)), (outs, rows, rows),
                np.ones((outs, ins // groups, kernel, kernel), np.int32), (stride, stride),
                (padding, padding), (dilation, dilation), groups)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_shared_lists_are_those_written_out(data: st.DataObject) -> None:
    conv = data.draw(convs())
    box = []
    for length in conv.out_shape:
        start = data.draw(st.integers(0, length - 1))
        box.append((start, data.draw(st.integers(start + 1, length))))
    (c0, c1), (y0, y1), (x0, x1) = box
    flat = np.arange(conv.out_size).reshape(conv.out_shape)[c0:c1, y0:y1, x0:x1]
    neurons = flat.transpose(1, 2, 0).reshape(-1)
    bits = data.draw(st.sampled_from([1, 4, 8]))
    axons, lists = written_out(conv, "shared", neurons)
    projection = Projection("in", "a", conv, weight_bits=bits)
    assert shared_bits(projection, tuple(box), LOIHI1) == stored_bits(lists, LOIHI1, bits, "shared")
    own_axons, own = written_out(conv, "dense", neurons)
    assert (axons, axons) == (own_axons, len(own))
    assert len(lists) <= len(own)


def test_shared_lists_by_hand() -> None:
    """3 x 3 over a box of 4 x 4: 6 x 6 pixels of 5 x 5 classes, 81 pairs of taps for a channel."""
    conv = Conv((2, 8, 8), (3, 8, 8), np.ones((3, 2, 3, 3), np.int32), padding=(1, 1))
    box = ((0, 3), (2, 6), (2, 6))
    neurons = np.arange(192).reshape(3, 8, 8)[:, 2:6, 2:6].transpose(1, 2, 0).reshape(-1)
    axons, lists = written_out(conv, "shared", neurons)
    assert axons == 2 * 36
    assert (len(lists), lists.sum()) == (2 * 25, 2 * 81 * 3)
    assert shared_bits(Projection("in", "a", conv), box, by("nengo-loihi")) == 2 * sum(
        64 * -(-(3 * a * b * 8 + 10) // 64) for a in (1, 2, 3, 2, 1) for b in (1, 2, 3, 2, 1))
