"""The reference runs any chip's neurons: one of three states, that no module of ours knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

import neurocompile
from neurocompile.backends.synchronous import run
from neurocompile.ir.network import (
    Bias,
    Input,
    InputKind,
    IntegerNeuron,
    Network,
    Population,
    Projection,
)
from neurocompile.ir.operators import Dense
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.vectorized import IntegerBatch

SAMPLES, TICKS = 3, 40
FAMILIES = re.compile("loihi|truenorth", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Weary:
    """Fires from a threshold on, then rests for some ticks, in which it takes nothing in."""

    threshold: int
    rest: int
    reset: Reset = Reset.HARD
    model: str = "weary"

    states: ClassVar[tuple[str, ...]] = ("v", "wait", "fatigue")

    def executor(self, bias: torch.Tensor | None, shape: tuple[int, int],
                 device: str) -> "WearyBatch":
        return WearyBatch(self, bias, shape, device)

    def step(self, state: dict[str, int], current: int) -> bool:
        """The definition, for one neuron and tick."""
        if state["wait"]:
            state["wait"] -= 1
            return False
        state["v"] += current
        spike = state["v"] >= self.threshold + state["fatigue"]
        if spike:
            state.update(v=0, wait=self.rest, fatigue=state["fatigue"] + 1)
        return spike


class WearyBatch(IntegerBatch):
    def __init__(self, neuron: Weary, bias: torch.Tensor | None, shape: tuple[int, int],
                 device: str) -> None:
        super().__init__(neuron.states, bias, shape, device)
        self.neuron = neuron

    def _loop(self, current: np.ndarray, bias: np.ndarray, states: Mapping[str, np.ndarray],
              spikes: np.ndarray, trace: np.ndarray) -> None:
        drive = np.broadcast_to(bias, current.shape) + current
        for s, n in np.ndindex(*current.shape[::2]):
            state = {name: int(array[s, n]) for name, array in states.items()}
            for t in range(current.shape[1]):
                spikes[s, t, n] = self.neuron.step(state, int(drive[s, t, n]))
                if len(trace):
                    trace[s, t, n] = state["v"]
            for name, array in states.items():
                array[s, n] = state[name]

    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("on the CPU alone")


@pytest.mark.parametrize("feedback", [False, True])
def test_a_neuron_with_more_states(feedback: bool) -> None:
    rng = np.random.default_rng(1)
    neuron: IntegerNeuron = Weary(9, 2)
    weight, bias = rng.integers(-3, 8, (4, 5)), rng.integers(-1, 2, 4)
    back = Projection("weary", "weary", Dense((4,), (4,), -np.eye(4, dtype=int)), delay=1)
    network = Network(
        (Input("x", (5,), InputKind.SPIKES),), (Population("weary", (4,), neuron, Bias(bias)),),
        (Projection("x", "weary", Dense((5,), (4,), weight)), *[back] * feedback), (), TICKS)
    x = (rng.random((SAMPLES, TICKS, 5)) < 0.4).astype(int)
    result = run(network, {"x": x}, record_state=True)
    assert result.spikes["weary"].any(axis=(0, 1)).all()
    for sample, n in np.ndindex(SAMPLES, 4):
        state, spike = dict.fromkeys(Weary.states, 0), False
        for tick in range(TICKS):
            current = int(weight[n] @ x[sample, tick] + bias[n]) - (feedback and spike)
            spike = Weary(9, 2).step(state, current)
            assert result.spikes["weary"][sample, tick, n] == spike
            assert result.v["weary"][sample, tick, n] == state["v"]
        assert state["fatigue"] == result.spikes["weary"][sample, :, n].sum()


@pytest.mark.parametrize("room", [
    "ir", "backends/synchronous", "passes/placing", "passes/lowering", "passes/legality",
    "passes/pruning"])
def test_neutral_rooms_name_no_family(room: str) -> None:
    files = sorted((Path(neurocompile.__file__).parent / room).rglob("*.py"))
    assert files
    assert not [f.name for f in files if FAMILIES.search(f.read_text(encoding="utf-8"))]
