"""Every predicate: the limit passes, the next number does not."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from neurocompile.backends.loihi.bits import SignMode, check_bits, sign_mode
from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.ir.schedule import Schedule
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target

IF = LoihiNeuron(4095, 0, 64)


def small(neuron: LoihiNeuron = IF, weight: list[list[float]] | None = None,
          exponent: int = 0, delay: int = 0, bias: Bias | None = None, levels: int = 1,
          encoder: tuple[int, int] | None = None) -> Network:
    """An input, a population, and one projection."""
    weights = np.array([[2, -4]] if weight is None else weight)
    size_out, size_in = weights.shape
    inputs = (Input("x", (size_in,), InputKind.ANALOG, levels=levels),)
    encoders = () if encoder is None else (Encoder(
        target="n", terms=(("x", Dense((size_in,), (size_out,), weights)),),
        offset=np.zeros(size_out, np.int64), input_shift=1, output_shift=1,
        exponent=encoder[1], low=-encoder[0], high=encoder[0]),)
    return Network(inputs, (Population("n", (size_out,), neuron, bias),), (Projection(
        "x", "n", Dense((size_in,), (size_out,), weights), exponent, delay),), (), 4, encoders)


def codes(network: Network, target: LoihiTarget, depth: int = 1) -> list[str]:
    findings = check_bits(network, Schedule({"x": 0, "n": depth}, 4), target)
    for diagnostic in findings:
        assert "{" not in diagnostic.message
    return [d.code for d in findings]


def neuron(**changes: Any) -> LoihiNeuron:
    return dataclasses.replace(IF, **changes)


@pytest.mark.parametrize(("code", "legal", "illegal"), [
    ("NC301", small(weight=[[-256, 254]]), small(weight=[[-256, 256]])),
    ("NC301", small(weight=[[-2, 4]]), small(weight=[[-1, 4]])),
    ("NC301", small(weight=[[0, 255]]), small(weight=[[0, 256]])),
    ("NC301", small(weight=[[-255, 0]]), small(weight=[[-255, -256]])),
    ("NC301", small(weight=[[1.0]]), small(weight=[[1.5]])),
    ("NC308", small(exponent=7), small(exponent=8)),
    ("NC308", small(exponent=0), small(exponent=-1)),
    ("NC205", small(delay=62), small(delay=63)),
    ("NC204", small(neuron(du=0)), small(neuron(du=-1))),
    ("NC204", small(neuron(du=4095)), small(neuron(du=4096))),
    ("NC204", small(neuron(dv=4095)), small(neuron(dv=4096))),
    ("NC305", small(neuron(vth=1)), small(neuron(vth=0))),
    ("NC305", small(neuron(vth=(1 << 17) - 1)), small(neuron(vth=1 << 17))),
    ("NC305", small(neuron(reset=Reset.SOFT, v_sub=1)), small(neuron(reset=Reset.SOFT))),
    ("NC306", small(bias=Bias(np.array([4095]), 7)), small(bias=Bias(np.array([4096]), 7))),
    ("NC306", small(bias=Bias(np.array([-4096]), 0)), small(bias=Bias(np.array([-4097]), 0))),
    ("NC306", small(bias=Bias(np.array([1]), 0)), small(bias=Bias(np.array([1]), -1))),
    ("NC306", small(encoder=(4095, 7)), small(encoder=(4095, 8))),
    ("NC309", small(weight=[[0]], levels=(1 << 24) - 1), small(weight=[[0]], levels=1 << 24)),
    ("NC303", small(weight=[[128]], levels=1023), small(weight=[[128]], levels=1024)),
])
def test_limit_and_beyond(code: str, legal: Network, illegal: Network, loihi2: LoihiTarget) -> None:
    assert codes(legal, loihi2) == []
    assert codes(illegal, loihi2) == [code]


def test_schedule_that_arrives_too_early(loihi2: LoihiTarget) -> None:
    assert codes(small(), loihi2, depth=0) == ["NC205"]


def test_all_violations_come_at_once(loihi2: LoihiTarget) -> None:
    worst = small(neuron(du=-1, dv=5000, vth=0), [[1, -1000]], 9, bias=Bias(np.array([5000]), 9))
    assert codes(worst, loihi2) == [
        "NC204", "NC204", "NC301", "NC303", "NC305", "NC306", "NC308"]


def test_what_only_loihi1_refuses() -> None:
    loihi1, loihi2 = loihi_target("loihi1"), loihi_target("loihi2")
    for network, code in ((small(neuron(reset=Reset.SOFT, v_sub=9)), "NC202"),
                          (small(levels=3), "NC309")):
        assert codes(network, loihi1) == [code]
        assert codes(network, loihi2) == []


def test_sign_modes() -> None:
    assert sign_mode(np.array([0, 3])) is SignMode.EXCITATORY
    assert sign_mode(np.array([0, -255])) is SignMode.INHIBITORY
    assert sign_mode(np.array([0, -256])) is SignMode.BOTH
    assert sign_mode(np.array([2, -2])) is SignMode.BOTH
    assert sign_mode(np.array([])) is SignMode.EXCITATORY
