"""Random neurons, written as Python modules from random equations, are recognized bit for bit."""

from __future__ import annotations

import linecache
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import nn

from neurocompile.capture.handwritten.recognize import recognize
from neurocompile.capture.replay import _NeuronRecorder
from neurocompile.capture.torch_model import _export

CODE = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 7)
    def forward(self, x):
        {begin}
        out = []
        for t in range({ticks}):
            current = self.fc(x[t])
            {current}
            {charge}
            {fire}
            {reset}
            out.append(spike)
        return torch.stack(out)
"""
DYADIC = (0.25, 0.5, 1.0)  # a first tick computed from Python's numbers has double precision
BEGIN = ("mem = torch.zeros(x.shape[1], 7); syn = torch.zeros_like(mem); spike = torch.zeros_like(mem)",
         "mem = syn = spike = 0.0")
CURRENT = ("syn = current", "syn = {a} * syn + current", "syn = syn * {a} + current * 2")
CHARGE = ("mem = {a} * mem + syn", "mem = mem + syn", "mem = mem + (syn - mem) / 2.0",
          "mem = mem - (mem - {b}) * {a} + syn", "mem = syn + mem * {a} * (1 - spike)",
          "mem = mem * {a} + syn - spike * {b}", "mem = (mem - {b} * spike) * {a} + syn * {b}")
FIRE = ("spike = (mem > {b}).float()", "spike = ((mem - {b}) >= 0).to(mem.dtype)",
        "spike = torch.where({b} <= mem, 1.0, 0.0)", "spike = (mem / {b} > 1) * 1.0",
        "spike = torch.relu(torch.sign(mem - {b}))",
        "spike = torch.heaviside(mem - {b}, torch.tensor(0.0))")
RESET = ("pass", "mem = mem - spike * {b}", "mem = mem * (1 - spike)", "mem = mem.masked_fill(spike > 0, 0.0)",
         "mem = torch.where(spike.bool(), torch.full_like(mem, -{a}), mem)",
         "mem = mem * (1 - spike) - {a} * spike", "mem = mem.clone(); mem[spike == 1] = 0.125")


@st.composite
def codes(draw: Any) -> str:
    """The text of a network with one neuron."""
    begin = draw(st.sampled_from(BEGIN))
    number = st.sampled_from(DYADIC if begin.startswith("mem = syn") else (*DYADIC, 0.3, 0.9))
    values = {"a": draw(number), "b": draw(number)}
    parts = {name: draw(st.sampled_from(lines)).format(**values) for name, lines in (
        ("current", CURRENT), ("charge", CHARGE), ("fire", FIRE), ("reset", RESET))}
    return CODE.format(begin=begin, ticks=draw(st.integers(3, 5)), **parts)


def module_of(code: str) -> Any:
    """The network of a text."""
    name = f"hand_written_{abs(hash(code))}.py"
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    space: dict[str, Any] = {}
    exec(compile(code, name, "exec"), space)  # noqa: S102 - our own text
    model: nn.Module = space["Net"]()
    return model.eval()


def few(count: int) -> settings:
    return settings(max_examples=count, deadline=None, phases=[Phase.generate], derandomize=True,
                    database=None, suppress_health_check=list(HealthCheck))


def check(code: str) -> None:
    torch.manual_seed(1)
    model = module_of(code)
    nn.init.uniform_(model.fc.weight, -0.3, 0.8)
    x = torch.rand(5, 3, 5) * 1.5
    with torch.no_grad():
        expected = model(x)
        program = _export(model, (x,))
        assert recognize(program) == {""}, code
        recorder = _NeuronRecorder(program.module())
        outputs = recorder.run(x)
    assert torch.equal(outputs, expected), code
    spikes = torch.cat([one.outputs.spikes for one in recorder.runs])
    assert torch.equal(spikes, expected), code
    assert spikes.any(), code


@few(3)
@given(codes())
def test_random_neurons_are_recognized(code: str) -> None:
    check(code)


@pytest.mark.slow
@few(150)
@given(codes())
def test_many_random_neurons_are_recognized(code: str) -> None:
    check(code)
