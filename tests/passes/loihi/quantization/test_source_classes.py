"""Sources of small weights: the pieces are the whole, and they are finer where that pays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurocompile.ir.network import Network, Projection
from neurocompile.ir.operators import Array, Conv, Dense, Sparse
from neurocompile.passes.loihi.quantization import population
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.loihi.quantization.rounding_record import read_rounding
from neurocompile.passes.loihi.quantization.source_classes import by_source
from tests.passes.loihi.quantization.float_nets import (
    LOIHI2,
    integers_of,
    neuron,
    one_population,
    share_wrong,
    spikes,
)


def weights_by_source(seed: int, share: float, size: float = 0.2) -> Array:
    """That share of 40 sources has weights of another size."""
    rng = np.random.default_rng(seed)
    return rng.normal(0.02, 0.3, (12, 40)) * np.where(np.arange(40) < share * 40, size, 1.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.floats(0, 1), st.floats(0.001, 1))
def test_the_pieces_add_up_and_no_source_is_in_two(seed: int, share: float, size: float) -> None:
    weight = weights_by_source(seed, share, size)
    weight[:, 3] = 0
    pieces = list(by_source(Projection("x", "n", Dense((40,), (12,), weight), delay=2)))
    assert np.array_equal(sum(p.operator.matrix().toarray() for p in pieces), weight)
    assert sum(p.operator.n_synapses for p in pieces) == weight.size
    assert all((p.source, p.target, p.delay) == ("x", "n", 2) for p in pieces)
    top = np.abs(weight).max()
    for bits, piece in enumerate(pieces if len(pieces) == 3 else ()):
        assert isinstance(piece.operator, Sparse)
        assert np.abs(piece.operator.weights).max() <= top / 2**bits


def test_other_operators_stay() -> None:
    conv = Projection("x", "n", Conv((2, 4, 4), (3, 4, 4), np.ones((3, 2, 3, 3)), padding=(1, 1)))
    alike = Projection("x", "n", Dense((40,), (12,), np.ones((12, 40))))
    zeros = Projection("x", "n", Dense((40,), (12,), np.zeros((12, 40))))
    for projection in (conv, alike, zeros):
        assert list(by_source(projection)) == [projection]


def case(seed: int) -> tuple[Network, Array, Array]:
    rng = np.random.default_rng(seed)
    sample, other = ((rng.random((40, 8, 40)) < 0.3).astype(float) for _ in range(2))
    return one_population(neuron(0.9), [(spikes(40), weights_by_source(seed, 0.8))],
                          np.zeros(12)), sample, other


def test_fewer_spikes_are_lost_on_samples_that_were_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = []
    for worth in (population._WORTH_FORMAT, 0.0):
        monkeypatch.setattr(population, "_WORTH_FORMAT", worth)
        wrong = 0.0
        for seed in range(4):
            network, sample, other = case(seed)
            integers = integers_of(network, {"x": sample}).network
            exponents = {p.exponent for p in integers.projections}
            assert len(exponents) == len(integers.projections) == (1 if worth == 0 else 3)
            wrong += share_wrong(network, integers, {"x": other})
        losses.append(wrong)
    assert losses[0] < 0.7 * losses[1]


def test_without_a_sample_and_in_whole_files_all_stays() -> None:
    network, sample, _ = case(0)
    assert len(integers_of(network).network.projections) == 1
    assert len(integers_of(network, {"x": sample}, plain=True).network.projections) == 1


def test_neurons_without_memory_have_gains_instead() -> None:
    network, sample, _ = case(0)
    forgetful = one_population(neuron(0.0), [(spikes(40), network.projections[0].operator.weights)])
    result = integers_of(forgetful, {"x": sample})
    assert len(result.network.projections) == 1
    assert result.rounding.decisions["n"].gains is not None


def test_made_again_without_the_sample() -> None:
    network, sample, _ = case(1)
    result = integers_of(network, {"x": sample})
    again = LoihiQuantizer(8, rounding=read_rounding(result.rounding.arrays())).quantize(network, LOIHI2)
    assert len(again.network.projections) == 3
    for before, after in zip(result.network.projections, again.network.projections, strict=True):
        assert before.exponent == after.exponent
        assert np.array_equal(before.operator.matrix().toarray(), after.operator.matrix().toarray())
