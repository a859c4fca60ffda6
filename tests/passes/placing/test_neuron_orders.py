"""Neuron orders are permutations, by name."""

import numpy as np
import pytest

from neurocompile.passes.placing.neuron_orders import candidates, neuron_order

SHAPES = [(), (7,), (1,), (6, 5), (256, 16), (3, 8, 8), (65, 4, 4), (2, 6, 6), (2, 1, 8),
          (4, 2, 3, 5)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_candidate_is_a_permutation(shape: tuple[int, ...]) -> None:
    names = list(candidates(shape))
    assert names[0] == "chw"
    assert len(names) == len(set(names))
    for name in names:
        order = neuron_order(shape, name)
        assert np.array_equal(np.sort(order), np.arange(np.prod(shape, dtype=int))), name


def test_blocks_hold_pixels_with_channels_innermost() -> None:
    assert neuron_order((4, 2, 1), "rows/2").tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert neuron_order((3, 2, 1), "rows/1").tolist() == [0, 2, 4, 1, 3, 5]


def test_bands_go_column_by_column() -> None:
    assert neuron_order((1, 4, 2), "band/2").tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_squares_one_after_another() -> None:
    assert neuron_order((1, 2, 4), "squares/2/1").tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    order = neuron_order((4, 5, 7), "squares/3/2")
    assert np.array_equal(np.sort(order), np.arange(140))
    assert order[:4].tolist() == [0, 35, 1, 36]


def test_last_axis_as_channels() -> None:
    assert neuron_order((2, 4), "last/2").tolist() == [0, 1, 4, 5, 2, 3, 6, 7]


@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_hilbert_steps_to_a_neighbor(side: int) -> None:
    y, x = np.divmod(neuron_order((1, side, side), "hilbert/1"), side)
    assert np.all(np.abs(np.diff(y)) + np.abs(np.diff(x)) == 1)


def test_unknown_order() -> None:
    with pytest.raises(ValueError, match="spiral"):
        neuron_order((2, 2, 2), "spiral/1")
