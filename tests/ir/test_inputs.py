"""What inputs send to a chip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocompile.ir.network import Input, InputKind


@given(st.integers(0, 9999), st.integers(1, 255), st.integers(1, 40))
def test_what_a_static_input_has_sent_is_right_to_half_a_unit(seed: int, levels: int, n_ticks: int
                                                          ) -> None:
    x = np.random.default_rng(seed).random((3, 4)) * 2.0
    item = Input("x", (4,), InputKind.STATIC, high=2.0, levels=levels, scale=levels / 2)
    trains = item.trains(x, n_ticks)
    assert trains.shape == (3, n_ticks, 4)
    assert trains.min() >= 0
    assert trains.max() <= levels
    exact = x[:, None] * item.scale * np.arange(1, n_ticks + 1)[:, None]
    assert np.abs(trains.cumsum(axis=1) - exact).max() <= 0.5 + 1e-9
    assert np.array_equal(item.trains(np.full((1, 4), 9.0), 2), np.full((1, 2, 4), levels))
    assert not item.trains(np.full((1, 4), -1.0), 2).any()


def test_others_send_what_they_have_in_each_tick() -> None:
    x = np.array([[[0.0, 1.0], [0.26, 0.24]]])
    item = Input("x", (2,), InputKind.ANALOG, levels=2, scale=2.0)
    assert item.trains(x, 2).tolist() == [[[0, 2], [1, 0]]]
    spikes = Input("s", (2,), InputKind.SPIKES)
    assert spikes.trains(np.array([[[0, 1], [1, 0]]]), 2).tolist() == [[[0, 1], [1, 0]]]
    with pytest.raises(ValueError, match="reshape"):
        spikes.trains(np.ones((1, 3, 2)), 2)
