"""The pytest plugin: the fixture passes, fails with the command line's text, and takes markers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)
NET = """
import torch
from spikingjelly.activation_based import neuron
from torch import nn

class Net(nn.Module):
    def __init__(self, attention=False):
        super().__init__()
        torch.manual_seed(0)
        self.attention = attention
        self.a, self.b = nn.Linear(5, 8), nn.Linear(8, 8)
        self.lif1, self.lif2 = neuron.LIFNode(step_mode="m"), neuron.LIFNode(step_mode="m")

    def forward(self, x):
        s = self.lif1(4 * self.a(x.unsqueeze(0).repeat(4, 1, 1)))
        y = self.b(s)
        return self.lif2(y * s if self.attention else y).mean(0)
"""
TESTS = """
import pytest
import torch
from plugged import Net

def test_legal(neurocompile):
    verdict = neurocompile.check(Net(), torch.rand(4, 5), target="loihi2", max_cores=4)
    assert verdict.cores <= 4

def test_illegal(neurocompile):
    neurocompile.check(Net(attention=True), input_shape=[5], legality_only=True)

@pytest.mark.neurocompile(legality_only=True, input_shape=[5])
@pytest.mark.parametrize("target", ["loihi1", "loihi2"])
def test_defaults(neurocompile, target):
    verdict = neurocompile.check("plugged:Net", target=target)
    assert verdict.ok and verdict.compilation is None

def test_unreadable(neurocompile):
    neurocompile.check("plugged:Nett", input_shape=[5])

def test_other():
    pass
"""


def test_checks_in_a_suite(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(plugged=NET, test_nets=TESTS)
    pytester.syspathinsert()
    process = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-m", "neurocompile",
                                         "--strict-markers", "-rf")
    process.assert_outcomes(passed=3, failed=2, deselected=1)
    text = process.stdout.str()
    assert "error[NC121]: `Mul` masks one spike-dependent value by another" in text
    assert "--> plugged.py:" in text
    assert "loihi2: 1 error" in text
    assert "did you mean `Net`?" in text
    assert "pytest_plugin.py" not in text


def test_a_budget_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(plugged=NET, test_nets="""
        from plugged import Net

        def test_small(neurocompile):
            neurocompile.check(Net(), input_shape=(5,), max_synapses=3)
    """)
    pytester.syspathinsert()
    process = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    process.assert_outcomes(failed=1)
    assert "error[NC411]: synapses: 64 needed, over the project's budget of 3" in process.stdout.str()


def test_loading_the_plugin_imports_nothing_heavy(tmp_path: Path) -> None:
    code = ("import sys, neurocompile.pytest_plugin; "
            "print(sorted({'torch', 'numpy', 'onnx', 'click'} & set(sys.modules)))")
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=tmp_path)
    assert process.stdout.strip() == "[]"
