"""From a Graph to a mapping, stage by stage, and on to Lava where a finding depends on it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from benchmarks.mapping_nets import with_limits
from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import FindingsError
from neurocompile.families.loihi import LOIHI
from neurocompile.families.pipeline import inputs_from
from neurocompile.ir.network import InputKind
from neurocompile.options import Options
from tests.capture import nets
from tests.loihi import compile_for_loihi, loihi_target


@pytest.mark.lava
def test_readouts_on_chip(tmp_path: Path) -> None:
    """Asked for, the chip adds the outputs up, one step later; by itself it leaves them alone."""
    torch.manual_seed(3)
    model, target = nets.lively(nets.MultiStep()), loihi_target("loihi2")
    x = nets.image(5, 2, 8, 8)
    graph = capture(model, x)
    host = compile_for_loihi(graph, target)
    inputs = inputs_from(host.network, [x.numpy()])
    chip = compile_for_loihi(graph, target, Options(readout="chip"), inputs)
    network = chip.network
    assert not host.network.accumulators
    (name,) = network.accumulators
    assert chip.schedule.latency == host.schedule.latency + 1
    assert chip.fidelity is not None
    assert name not in chip.fidelity.populations
    assert not [d for d in chip.diagnostics if d.code == "NC312"]
    assert name in chip.mapping.partition.order_names
    emit(network, chip.schedule, target, tmp_path)
    reference = synchronous.run(network, inputs)
    verification = verify(tmp_path, network, chip.schedule, inputs, reference)
    assert (verification.differences, verification.diagnostics) == (0, ())
    assert verification.sums > 5
    (readout,), (before,) = network.readouts, host.network.readouts
    outputs = synchronous.run(host.network, inputs).read(before)
    assert np.abs(outputs).max() > 0.1
    assert np.abs(reference.read(readout) - outputs).max() < 0.02 * np.abs(outputs).max()


class Residual(nn.Module):
    """SEW-like: sums of spike trains reach convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = (
            nn.Conv2d(i, 4, 3, padding=1, bias=False) for i in (2, 4, 4))
        self.lif1, self.lif2, self.lif3 = (
            neuron.IFNode(v_threshold=0.25, step_mode="m") for _ in range(3))
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.lif1(self.conv1(x).unsqueeze(0).repeat(4, 1, 1, 1, 1))
        t, b = x.shape[:2]
        x = x + self.lif2(self.conv2(x.flatten(0, 1)).unflatten(0, (t, b)))
        x = x + self.lif3(self.conv3(x.flatten(0, 1)).unflatten(0, (t, b)))
        return self.head(x.mean((-1, -2))).mean(0)


@pytest.mark.lava
def test_distributed_residuals_run_on_lava(tmp_path: Path) -> None:
    """Refused by default; with --allow residual-distribution exact, skip delays included."""
    torch.manual_seed(0)
    model, x, target = nets.lively(Residual()), nets.image(4, 2, 6, 6), loihi_target("loihi2")
    graph = capture(model, x)
    with pytest.raises(FindingsError) as error:
        compile_for_loihi(graph, target)
    assert "NC125" in {d.code for d in error.value.diagnostics}
    compilation = compile_for_loihi(graph, target, Options(allow=("residual-distribution",)))
    assert "NC133" in {d.code for d in compilation.diagnostics}
    network, schedule = compilation.network, compilation.schedule
    assert {wait for _, wait in schedule.waits(network)} == {0, 1}
    inputs = inputs_from(network, [x.numpy()])
    emit(network, schedule, target, tmp_path)
    verification = verify(tmp_path, network, schedule, inputs, synchronous.run(network, inputs))
    assert verification.differences == 0
    assert all(p.spikes > 0 for p in verification.populations)


def test_stages_run_in_order_and_are_recorded() -> None:
    x = nets.image(4, 2, 8, 8)
    graph = capture(nets.lively(nets.MultiStep()), x)
    compilation = compile_for_loihi(graph, loihi_target("loihi1"), sample={"x": x.numpy()})
    names = [record.name for record in compilation.stages]
    assert names == [name for name in LOIHI.stages if name != "bits"]  # which runs for a search
    assert compilation.fidelity is not None
    assert compilation.fidelity.samples == 4
    assert all(p.float_spikes > 0 for p in compilation.fidelity.populations.values())
    assert compilation.network.inputs[0].kind is InputKind.STATIC
    assert np.all(compilation.mapping.routing.messages >= 0)


def test_encoding_changes_the_mapping_only() -> None:
    graph = capture(nets.lively(nets.MultiStep()), nets.image(2, 2, 8, 8))
    dense, sparse = (compile_for_loihi(graph, loihi_target("loihi1"), Options(encoding=how))
                     for how in ("dense", "sparse"))
    assert {p.encoding for p in dense.network.projections} == {"dense"}
    assert {p.encoding for p in sparse.network.projections} == {"sparse"}
    assert all(a.operator is b.operator or np.array_equal(a.operator.weights, b.operator.weights)
               for a, b in zip(dense.network.projections, sparse.network.projections, strict=True))
    assert sparse.usage.least.synapse_memory > dense.usage.least.synapse_memory


def test_budget_is_enforced() -> None:
    graph = capture(nets.lively(nets.MultiStep()), nets.image(2, 2, 8, 8))
    target = with_limits(loihi_target("loihi1"), neurons=200)
    cores = len(compile_for_loihi(graph, target).usage.cores)
    compile_for_loihi(graph, target, Options(max_cores=cores))
    with pytest.raises(FindingsError) as error:
        compile_for_loihi(graph, target, Options(max_cores=cores - 1))
    assert "NC411" in {d.code for d in error.value.diagnostics}


def test_spikes_that_quantization_moves_are_named() -> None:
    """NC701 with coarse weights on a sample; not with fine ones."""
    x = nets.image(6, 2, 8, 8)
    torch.manual_seed(3)
    graph = capture(nets.lively(nets.MultiStep()), x)
    codes = {bits: {d.code for d in compile_for_loihi(
        graph, loihi_target("loihi2"), Options(weight_bits=bits, max_loss=100),
        sample={"x": x.numpy()}).diagnostics} for bits in (2, 8)}
    assert "NC701" in codes[2]
    assert "NC701" not in codes[8]


@pytest.mark.lava
def test_silent_populations_prove_nothing(tmp_path: Path) -> None:
    """NC703 names them; active ones get no such finding."""
    target, x, codes = loihi_target("loihi2"), nets.image(2, 2, 8, 8), []
    torch.manual_seed(3)
    for shift in (-5.0, 0.0):
        model = nets.MultiStep()
        nets.lively(model)
        with torch.no_grad():
            for layer in (model.bn, model.fc):
                layer.bias += shift
        compilation = compile_for_loihi(capture(model, x), target)
        network, schedule = compilation.network, compilation.schedule
        inputs = inputs_from(network, [x.numpy()])
        emit(network, schedule, target, tmp_path / f"p{shift}")
        verification = verify(tmp_path / f"p{shift}", network, schedule, inputs,
                      synchronous.run(network, inputs))
        assert verification.differences == 0
        codes.append([d.code for d in verification.diagnostics])
    assert codes == [["NC703", "NC703"], []]


def test_soft_reset_is_refused_where_neurons_are_fixed() -> None:
    graph = capture(nets.lively(nets.LeakyLoop()), nets.image(2, 10))
    with pytest.raises(FindingsError) as error:
        compile_for_loihi(graph, loihi_target("loihi1"))
    assert {d.code for d in error.value.diagnostics} == {"NC202"}
    compile_for_loihi(graph, loihi_target("loihi2"))


def test_warnings_before_an_error_are_kept() -> None:
    graph = capture(nets.lively(nets.MultiStep()), nets.image(2, 2, 8, 8))
    with pytest.raises(FindingsError) as error:
        compile_for_loihi(graph, loihi_target("loihi1"), Options(max_synapses=1))
    assert {"NC131", "NC411"} <= {d.code for d in error.value.diagnostics}


def test_a_network_that_the_host_runs_alone_is_refused() -> None:
    """Its only population gets an analog input in every tick."""
    net = nn.Sequential(nn.Linear(6, 8), neuron.LIFNode(step_mode="m"))
    graph = capture(net, torch.rand(4, 2, 6) * 4)
    with pytest.raises(FindingsError) as error:
        compile_for_loihi(graph, loihi_target("loihi2"))
    assert [d.code for d in error.value.diagnostics] == ["NC206"]
    net.append(nn.Linear(8, 8)).append(neuron.LIFNode(step_mode="m"))
    graph = capture(net, torch.rand(4, 2, 6) * 4)
    assert compile_for_loihi(graph, loihi_target("loihi2")).usage.cores
