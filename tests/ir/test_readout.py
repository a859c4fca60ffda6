"""Readouts of all ticks, of one and of each, and the answers they give."""

from typing import Any

import numpy as np
import pytest

from neurocompile.backends.synchronous.run import Run
from neurocompile.ir.network import Readout
from neurocompile.ir.operators import Dense

SPIKES = np.array([[[1, 0], [1, 0], [0, 1]], [[0, 1], [1, 1], [0, 1]]], np.uint8)  # 2 samples, 3 ticks
STATIC = np.array([[[0.5]], [[2.0]]])  # static: one tick
RUN = Run({"lif": SPIKES}, inputs={"x": STATIC})


def readout(ticks: Any) -> Readout:
    weight = np.array([[1.0, 0.0], [0.0, 3.0]])
    terms = ("lif", Dense((2,), (2,), weight)), ("x", Dense((1,), (2,), np.ones((2, 1))))
    return Readout(name="y", shape=(2,), terms=terms, bias=np.array([0.0, 0.25]), ticks=ticks)


@pytest.mark.parametrize(("ticks", "values", "answers"), [
    ("sum", [[2.5, 3.75], [3.0, 11.25]], [1, 1]),
    (1, [[1.5, 0.75], [3.0, 5.25]], [0, 1]),
    ("each", [[[1.5, 0.75], [1.5, 0.75], [0.5, 3.75]], [[2.0, 5.25], [3.0, 5.25], [2.0, 5.25]]],
     [1, 1]),
])
def test_values_and_answers(ticks: str | int, values: list[object], answers: list[int]) -> None:
    read = RUN.read(readout(ticks))
    assert np.array_equal(read, np.array(values))
    assert readout(ticks).answers(read).tolist() == answers
