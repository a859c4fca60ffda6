"""TrueNorth's neuron against hand-computed traces, every mode of leak, threshold and reset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocompile.semantics.truenorth import (
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    ResetMode,
    TrueNorthNeuron,
    draws,
    mix,
    step,
)

NEURON = TrueNorthNeuron(weights=(3, -2, 100, -255), threshold=10, floor=5)


def no_draw() -> int:
    raise AssertionError("a deterministic neuron drew a random number")


def numbers(*values: int) -> Callable[[], int]:
    return iter(values).__next__


def test_synapses_add_the_weight_of_the_axons_type() -> None:
    assert step(NEURON, 0, [0, 0, 1, 0], no_draw) == (7, False)


def test_threshold_is_reached_by_equality() -> None:
    assert step(NEURON, 9, [], no_draw) == (9, False)
    assert step(NEURON, 10, [], no_draw) == (0, True)


@pytest.mark.parametrize(("mode", "after", "below"), [
    (ResetMode.NORMAL, 4, -4), (ResetMode.LINEAR, 2, -2), (ResetMode.NONE, 12, -7)])
def test_resets_and_their_mirror_images(mode: ResetMode, after: int, below: int) -> None:
    neuron = replace(NEURON, reset_mode=mode, reset_value=4, saturate=False)
    assert step(neuron, 12, [], no_draw) == (after, True)
    assert step(neuron, -7, [], no_draw) == (below, False)
    assert step(neuron, -5, [], no_draw) == (-5, False)  # strictly below the floor
    assert step(replace(neuron, saturate=True), -7, [], no_draw) == (-5, False)


def test_leak_is_added_and_with_reversal_follows_the_sign() -> None:
    assert step(replace(NEURON, leak=-2), -1, [], no_draw) == (-3, False)
    reversed_leak = replace(NEURON, leak=-2, leak_reversal=True)
    assert [step(reversed_leak, v, [], no_draw)[0] for v in (5, 1, 0, -1, -4)] == [3, -1, 0, 1, -2]


def test_spike_wins_over_the_floor() -> None:
    """Threshold 0: the stateless neuron fires at 0, and below it is set to the floor."""
    stateless = TrueNorthNeuron(weights=(1, -1, 0, 0), threshold=0, floor=0, leak=-2)
    assert step(stateless, 0, [0, 0], no_draw) == (0, True)
    assert step(stateless, 0, [0], no_draw) == (0, False)


def test_potential_is_clipped_to_20_bits_once_a_tick() -> None:
    neuron = TrueNorthNeuron((255, -255, 0, 0), threshold=2 ** 18 - 1, floor=2 ** 18 - 1,
                           reset_mode=ResetMode.NONE, saturate=False)
    assert step(neuron, POTENTIAL_MAX, [0] * 3, no_draw) == (POTENTIAL_MAX, True)
    assert step(neuron, POTENTIAL_MIN, [1] * 3, no_draw) == (POTENTIAL_MIN, False)
    assert step(neuron, POTENTIAL_MAX, [0, 1], no_draw) == (POTENTIAL_MAX, True)
    assert step(neuron, POTENTIAL_MAX, [0, 1, 1], no_draw) == (POTENTIAL_MAX - 255, True)


def test_random_synapses_and_leak_move_by_one_with_the_chance_of_their_size() -> None:
    noisy = replace(NEURON, random_synapse=(False, True, True, True), random_leak=True, leak=3)
    assert step(noisy, 0, [0, 1, 2], numbers(2, 100, 3)) == (3 - 1 + 1 + 1, False)
    assert step(noisy, 0, [1, 2], numbers(3, 101, 4)) == (0, False)
    assert step(noisy, 0, [1], numbers(256, 511)) == (-1, False)  # only 8 bits are compared


def test_threshold_noise_moves_both_thresholds() -> None:
    noisy = replace(NEURON, threshold_mask=7, saturate=False, reset_mode=ResetMode.LINEAR)
    assert step(noisy, 15, [], numbers(8 + 5)) == (0, True)
    assert step(noisy, 15, [], numbers(6)) == (15, False)
    assert step(noisy, -12, [], numbers(6)) == (-1, False)
    assert step(replace(noisy, saturate=True), -12, [], numbers(6)) == (-5, False)


def test_draws_are_splitmix64s_and_depend_on_every_part_of_their_key() -> None:
    assert mix(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF  # published first output for seed 0
    keys = [(0, 0, 0, 0, 0), (1, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, 0, 1, 0),
            (0, 0, 0, 0, 1)]
    heads = [tuple(islice(draws(*key), 3)) for key in keys]
    assert len(set(heads)) == len(keys)
    assert heads[0] == tuple(islice(draws(0, 0, 0, 0, 0), 3))


def test_draws_are_uniform() -> None:
    bytes_ = [n & 255 for neuron in range(64) for n in islice(draws(7, 0, 0, 0, neuron), 1024)]
    counts = [bytes_.count(value) for value in range(256)]
    expected = len(bytes_) / 256
    assert sum((c - expected) ** 2 / expected for c in counts) < 350  # chi-squared, 255 degrees


@given(st.integers(POTENTIAL_MIN, POTENTIAL_MAX), st.lists(st.integers(0, 3), max_size=256),
       st.sampled_from(ResetMode), st.booleans(), st.booleans())
def test_potential_stays_in_20_bits(v: int, types: list[int], mode: ResetMode, saturate: bool,
                                    reverse: bool) -> None:
    neuron = TrueNorthNeuron((255, -255, 254, -1), leak=-255, threshold=2 ** 18 - 1,
                             floor=2 ** 18 - 1, reset_mode=mode, saturate=saturate,
                             leak_reversal=reverse)
    after, _ = step(neuron, v, types, no_draw)
    assert POTENTIAL_MIN <= after <= POTENTIAL_MAX
