"""STMixer's membrane stream: both forms priced, built from the command line, and on Lava."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("spikingjelly.activation_based.neuron")

from examples.zoo import stmixer
from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import FindingsError
from neurocompile.families.fidelity import measure
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.pipeline import inputs_from
from neurocompile.ir.graph import Graph
from neurocompile.options import Options
from tests.loihi import compile_for_loihi, loihi_target

LOIHI2 = loihi_target("loihi2")
SAMPLES = 3


def active(model: torch.nn.Module) -> torch.nn.Module:
    """BatchNorm randomized so that every layer fires; eval mode."""
    for module in model.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            torch.nn.init.uniform_(module.weight, 1, 2)
            torch.nn.init.uniform_(module.bias, -0.1, 0.6)
            module.running_var.fill_(0.1)
    return model.eval()


@cache
def images() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(SAMPLES, *stmixer.INPUT)


@cache
def graph() -> Graph:
    torch.manual_seed(0)
    return capture(active(stmixer.small_t2()), images())


@cache
def compilation(form: str) -> LoihiCompilation:
    return compile_for_loihi(graph(), LOIHI2, Options(streams=form))


def test_prices_of_a_small_stmixer() -> None:
    """Its four consumers share three sums, each with a branch more than the one before."""
    choice = compilation("auto").streams
    assert choice is not None
    assert choice.form == "adder"
    assert [p.name for p in compilation("auto").network.populations if p.graded] == [
        f"blocks.{k}.stream" for k in ("0.mixing.lif1", "0.mlp.lif1", "1.mixing.lif1")]
    assert choice.prices["duplicate"].synapses > 1.4 * choice.prices["adder"].synapses
    assert choice.prices["adder"].neurons == choice.prices["duplicate"].neurons + 3 * 512
    for form in ("auto", "duplicate"):
        result, price = compilation(form), choice.prices["adder" if form == "auto" else "duplicate"]
        assert price.latency == result.schedule.latency
        assert price.cores <= len(result.usage.cores)
        assert price.synapses == sum(p.synapses for p in result.usage.populations)
        assert price.synapse_memory <= sum(c.synapse_memory for c in result.usage.cores)
    assert len(compilation("auto").usage.cores) < len(compilation("duplicate").usage.cores)
    assert [d.code for d in compilation("auto").diagnostics].count("NC140") == 1


def test_spikes_of_both_forms_and_fidelity() -> None:
    """The float networks spike alike; adders are no part of what fidelity counts."""
    runs = {}
    for form in ("auto", "duplicate"):
        result = compilation(form)
        inputs = inputs_from(result.network, [images().numpy()])
        runs[form] = synchronous.run(result.floating, inputs)
        measurement = measure(result.floating, result.network, inputs, "sample")
        fidelity, rates = measurement.fidelity, measurement.rates
        assert not [name for name in fidelity.populations if name.endswith("stream")]
        assert all(0 < np.mean(rates[p.name]) <= 1 for p in result.network.populations)
    for name, spikes in runs["duplicate"].spikes.items():
        assert spikes.any()
        assert np.array_equal(spikes, runs["auto"].spikes[name]), name


def test_refused_on_loihi1() -> None:
    with pytest.raises(FindingsError) as error:
        compile_for_loihi(graph(), loihi_target("loihi1"), Options(streams="adder"))
    assert [d.code for d in error.value.diagnostics if d.level == 2] == ["NC210"]


NET = """
import torch
from spikingjelly.activation_based import neuron
from torch import nn


def lif():
    return neuron.LIFNode(v_threshold=0.5, step_mode="m")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3, self.head = (nn.Linear(32, 32) for _ in range(4))
        self.lif1, self.lif2, self.lif3, self.lif4 = lif(), lif(), lif(), lif()

    def forward(self, x):
        x = self.fc1(self.lif1(x.unsqueeze(0).repeat(2, 1, 1)))
        x = x + self.fc2(self.lif2(x))
        x = x + self.fc3(self.lif3(x))
        return self.head(self.lif4(x)).mean(0)


def make():
    torch.manual_seed(0)
    return Net()
"""


@pytest.mark.slow
def test_build_as_typed(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    process = subprocess.run(
        [sys.executable, "-m", "neurocompile", "build", "net:make", "-t", "loihi2", "-o", "b",
         "--input-shape", "32", "--streams", "adder", "--no-verify"],
        cwd=tmp_path, check=False, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "sums of branches by" in process.stdout
    assert "Streams" in (tmp_path / "b" / "report.html").read_text()
    resources = json.loads((tmp_path / "b" / "resources.json").read_text())
    assert resources["sections"]["streams"]["taken"] == "adder"
    assert resources["sections"]["streams"]["adders"]
    assert {p["name"] for p in resources["populations"] if p["model"] == "adder"} == set(
        resources["sections"]["streams"]["adders"])
    assert set(resources["sections"]["streams"]["prices"]) == {"duplicate", "adder"}
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert manifest["options"]["streams"] == "adder"


@pytest.mark.slow
@pytest.mark.lava
@pytest.mark.parametrize("form", ["auto", "duplicate"])
def test_small_stmixer_on_lava(form: str, tmp_path: Path) -> None:
    network, schedule = compilation(form).network, compilation(form).schedule
    inputs = inputs_from(network, [images().numpy()])
    emit(network, schedule, LOIHI2, tmp_path)
    verification = verify(tmp_path, network, schedule, inputs, synchronous.run(network, inputs))
    assert verification.differences == 0, verification.diagnostics
    assert all(p.spikes for p in verification.populations)
