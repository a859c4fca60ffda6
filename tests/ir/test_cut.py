"""Operators cut by their sources: the parts add up to the whole."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.ir.operators import Conv, Dense, Operator, Sparse, cut, most_sources


def operators(seed: int) -> list[Operator]:
    rng = np.random.default_rng(seed)
    sparse = (rng.random((9, 40)) < 0.5) * rng.normal(size=(9, 40))
    sparse[3] = 0
    sparse[8] = 0
    return [
        Dense((23,), (5,), rng.normal(size=(5, 23))),
        Conv((7, 5, 4), (6, 3, 2), rng.normal(size=(6, 7, 3, 3)), (2, 2), (1, 1)),
        Conv((8, 5, 4), (6, 5, 4), rng.normal(size=(6, 4, 3, 3)), (1, 1), (1, 1), groups=2),
        Sparse((40,), (9,), sp.csr_array(sparse)),
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(1, 60), st.integers(0, 3))
def test_parts_add_up_and_keep_the_limit(seed: int, limit: int, which: int) -> None:
    operator = operators(seed)[which]
    parts = cut(operator, limit)
    assert sum(part.n_synapses for part in parts) == operator.n_synapses
    total = sum((part.matrix() for part in parts[1:]), parts[0].matrix())
    assert np.array_equal(total.toarray(), operator.matrix().toarray())
    assert max(most_sources(part) for part in parts) <= limit
    assert len(parts) >= -(-most_sources(operator) // limit)


@pytest.mark.parametrize("which", range(4))
def test_most_sources(which: int) -> None:
    operator = operators(1)[which]
    edges = operator.with_weights(np.ones(operator.weights.shape)).matrix().toarray()
    assert most_sources(operator) == int((edges != 0).sum(axis=1).max())


def test_a_convolution_is_cut_by_channels() -> None:
    parts = cut(operators(0)[1], 36)
    assert len(parts) == 2
    assert parts[0].weights.shape == (6, 4, 3, 3)
