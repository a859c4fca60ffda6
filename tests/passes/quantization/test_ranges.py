"""Ranges of analog inputs, and what is clipped by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurocompile.diagnostics import UsageError
from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.passes.quantization.ranges import (
    clipped_inputs,
    range_record,
    recorded_ranges,
    with_ranges,
)
from neurocompile.semantics.loihi import LoihiNeuron

STATIC = Input("x", (2,), InputKind.STATIC, low=-1.0, high=1.0)
SPIKES = Input("s", (3,), InputKind.SPIKES)


def network(*inputs: Input) -> Network:
    return Network(inputs, (Population("n", (2,), LoihiNeuron(4095, 0, 64)),), (), (), 4)


def ends(net: Network, name: str) -> tuple[float, float]:
    item = next(item for item in net.inputs if item.name == name)
    return item.low, item.high


def test_what_is_said_goes_before_what_is_measured() -> None:
    net = network(STATIC, replace(STATIC, name="y"), SPIKES)
    data = {"x": np.array([[0.25, 3.0]]), "y": np.array([[-2.0, 0.5]]), "s": np.ones((1, 4, 3))}
    by_data = with_ranges(net, (), data)
    assert (ends(by_data, "x"), ends(by_data, "y")) == ((0.25, 3.0), (-2.0, 0.5))
    assert ends(by_data, "s") == ends(net, "s")  # spikes have levels
    assert ends(with_ranges(net, (), None), "x") == (-1.0, 1.0)
    assert ends(with_ranges(net, (("y", 0.0, 9.0),), data), "y") == (0.0, 9.0)
    assert ends(with_ranges(net, (("y", 0.0, 9.0),), data), "x") == (0.25, 3.0)
    assert ends(with_ranges(net, (("", 0.0, 9.0),), data), "x") == (0.0, 9.0)


def test_a_name_that_no_analog_input_has() -> None:
    with pytest.raises(UsageError, match=r"NC009.*`z=0:1`.*analog inputs are x"):
        with_ranges(network(STATIC, SPIKES), (("z", 0.0, 1.0),), None)
    with pytest.raises(UsageError, match="NC009"):
        with_ranges(network(SPIKES), (("s", 0.0, 1.0),), None)


def test_a_record_gives_the_ranges_back() -> None:
    net = network(replace(STATIC, low=0.1, high=0.7), SPIKES)
    record = range_record(net)
    assert recorded_ranges(record) == (("x", 0.1, 0.7),)
    assert recorded_ranges({**record, "0.weights.0": np.zeros(3)}) == (("x", 0.1, 0.7),)
    assert recorded_ranges({}) == ()
    for bad in (np.array([1.0]), np.array(["a", "b"]), np.array(1.0)):
        with pytest.raises(UsageError, match="NC003"):
            recorded_ranges({"range.x": bad})


def test_clipped_currents_are_counted() -> None:
    encoder = Encoder(
        target="n", terms=(("x", Dense((2,), (2,), np.eye(2, dtype=np.int64))),),
        offset=np.zeros(2, np.int64), input_shift=8, output_shift=1, exponent=0, low=-100, high=100)
    net = replace(network(STATIC), encoders=(encoder,))
    inside, outside = np.array([[0.5, -0.5]]), np.array([[0.5, -0.5], [5.0, 0.0], [-5.0, 5.0]])
    assert not list(clipped_inputs(net, {"x": inside}))
    finding, = clipped_inputs(net, {"x": outside})
    assert (finding.code, finding.values["count"], finding.values["total"]) == ("NC706", 3, 6)
    free = replace(net, encoders=(replace(encoder, lossless=True),))
    assert not list(clipped_inputs(free, {"x": outside}))


def test_clipped_graded_inputs_are_counted() -> None:
    item = replace(STATIC, low=0.0, levels=10, scale=10.0)
    net = replace(network(item), projections=(
        Projection("x", "n", Dense((2,), (2,), np.eye(2, dtype=np.int64))),))
    assert not list(clipped_inputs(net, {"x": np.array([[0.0, 1.0]])}))
    finding, = clipped_inputs(net, {"x": np.array([[1.2, -0.2], [0.3, 0.4]])})
    assert (finding.values["count"], finding.values["total"]) == (2, 4)
