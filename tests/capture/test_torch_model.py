"""Capture: stand-ins, export and the replay gate on networks as users write them."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import snntorch
import torch
from spikingjelly.activation_based import neuron, surrogate
from torch import nn

from neurocompile.capture.adapters import spikingjelly
from neurocompile.capture.quiet import quiet
from neurocompile.capture.replay import replay
from neurocompile.capture.torch_model import capture, export, reset, swap
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.ir.graph import location
from neurocompile.ir.graph_file import load_graph
from neurocompile.semantics.equations import Equations
from neurocompile.semantics.floating import Profile
from neurocompile.semantics.profiles import PROFILES
from tests.capture import nets

ort = pytest.importorskip("onnxruntime")

MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "multi-step LIF": (nets.MultiStep, (2, 2, 8, 8)),
    "multi-step IF, soft": (lambda: nets.MultiStep(neuron.IFNode, v_reset=None), (2, 2, 8, 8)),
    "multi-step PLIF": (lambda: nets.MultiStep(neuron.ParametricLIFNode, init_tau=1.6), (1, 2, 8, 8)),
    "single-step loop": (nets.SingleStepLoop, (3, 10)),
    "Leaky loop": (nets.LeakyLoop, (3, 10)),
    "Leaky zero": (lambda: nets.LeakyLoop(reset_mechanism="zero"), (3, 10)),
    "Synaptic": (nets.SynapticLoop, (3, 10)),
    "hidden state": (nets.HiddenState, (3, 10)),
    "recurrent": (nets.Recurrent, (3, 10)),
}


@pytest.mark.parametrize("name", MODELS)
def test_graph_runs_in_onnxruntime_like_the_model(name: str, tmp_path: Path) -> None:
    make, shape = MODELS[name]
    torch.manual_seed(1)
    model = nets.lively(make())
    x = nets.image(*shape)
    graph = export(model, x, tmp_path / "net.onnx")
    assert all(count > 0 for count in graph.info["replay"]["spikes"].values())
    reset(model)
    with torch.no_grad():
        expected = model(x).numpy()
    session = ort.InferenceSession((tmp_path / "net.onnx").read_bytes())
    output, = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert np.array_equal(output, expected)


def test_every_node_knows_its_module_and_line() -> None:
    graph = capture(nets.lively(nets.MultiStep()), torch.rand(1, 2, 8, 8))
    source = Path(nets.__file__).read_text().splitlines()
    for one in graph.neurons():
        where = location(one.node)
        assert where.module == one.module
        assert where.file is not None
        assert where.file.endswith("nets.py")
        assert where.line is not None
        assert where.module in source[where.line - 1]


def test_saved_graph_loads_back_to_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    graph = export(nets.lively(nets.MultiStep()), torch.rand(1, 2, 8, 8), path)
    assert load_graph(path).to_bytes() == graph.to_bytes()
    assert str(Path.cwd()).encode() not in path.read_bytes()


def test_capture_is_deterministic() -> None:
    model, x = nets.lively(nets.LeakyLoop()), torch.rand(2, 10)
    assert capture(model, x).to_bytes() == capture(model, x).to_bytes()


def test_capture_leaves_the_model_as_it_was() -> None:
    model = nets.lively(nets.MultiStep()).train()
    x = torch.rand(2, 2, 8, 8)
    before = copy.deepcopy(model.state_dict())
    model(x)
    state = model.lif1.v.clone()
    capture(model, x)
    assert model.training
    assert torch.equal(model.lif1.v, state)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items()
               if "running" not in k and "num_batches" not in k)


def test_stale_membranes_are_reset_before_capture() -> None:
    model, x = nets.lively(nets.MultiStep()), torch.rand(2, 2, 8, 8)
    clean = capture(model, x).to_bytes()
    model(x)
    assert capture(model, x).to_bytes() == clean


def test_replay_catches_stale_membrane_state() -> None:
    """A stand-in copy that still holds a membrane potential is not the model."""
    model, x = nets.lively(nets.MultiStep()), torch.rand(2, 2, 8, 8)
    twin = swap(model)
    with torch.no_grad():
        twin(x - 9)  # leaves a membrane potential in the stand-ins
    with quiet():
        program = torch.export.export(copy.deepcopy(twin), (x,), strict=False)
    with pytest.raises(FindingsError) as error:
        replay(model, twin, program.module(), (x,), reset)
    assert error.value.diagnostics[0].code == "NC105"
    assert error.value.diagnostics[0].values["who"] == "exported program"


def test_replay_catches_greater_for_greater_or_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    """IF neurons whose potential lands on the threshold tell > from >=."""
    class Exact(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lif = neuron.IFNode(step_mode="m")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lif(x.unsqueeze(0).repeat(4, 1, 1))

    x = torch.full((1, 3), 0.5)
    assert capture(Exact(), x).info["replay"]["spikes"] == {"lif": 12}

    strict = Profile("strict", "IF", "test", Equations(
        PROFILES["spikingjelly-if-hard"].equations.text.replace(">=", ">")))
    monkeypatch.setitem(PROFILES, "spikingjelly-if-hard", strict)
    with pytest.raises(UsageError) as refusal:  # its own code beside the equations
        capture(Exact(), x)
    assert refusal.value.diagnostics[0].code == "NC111"
    monkeypatch.setattr(spikingjelly, "same_as", lambda module, path, stand_ins, _: stand_ins[0])
    with pytest.raises(FindingsError) as error:
        capture(Exact(), x)
    assert error.value.diagnostics[0].code == "NC105"
    assert error.value.diagnostics[0].values["who"] == "model with stand-in neurons"


def test_model_of_one_tick_is_run_for_n_ticks() -> None:
    torch.manual_seed(0)
    model, x = nets.OneTick().eval(), torch.rand(2, 10)
    graph = capture(model, x, n_ticks=5)
    reset(model)
    with torch.no_grad():
        expected = torch.stack([model(x) for _ in range(5)]).mean(0)
    session = ort.InferenceSession(graph.to_bytes())
    output, = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    assert np.array_equal(output, expected.numpy())
    assert expected.sum() > 0


Subclass = type("Subclass", (neuron.LIFNode,), {})  # not the neuron that it looks like


@pytest.mark.parametrize(("node", "reason"), [
    (Subclass(), "not their subclasses"),
    (neuron.LIFNode(surrogate_function=surrogate.Sigmoid(spiking=False)), "no step"),
    (neuron.QIFNode(), "supported are"),
    (snntorch.RSynaptic(0.5, 0.5, linear_features=4, reset_delay=False), "reset_delay"),
    (snntorch.Leaky(beta=0.5, inhibition=True), "inhibition"),
    (snntorch.Alpha(alpha=0.9, beta=0.8), "supported are"),
])
def test_neurons_that_cannot_be_read_exactly_are_refused(node: nn.Module, reason: str) -> None:
    with pytest.raises(UsageError) as error:
        capture(nn.Sequential(nn.Linear(4, 4), node), torch.rand(2, 4))
    finding, = error.value.diagnostics
    assert finding.code == "NC111"
    assert reason in finding.message


class ReadsPotentials(nn.Module):
    """What only its membrane tells: `v_seq` of all ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.lif = neuron.LIFNode(step_mode="m", store_v_seq=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.lif(x.repeat(3, 1, 1))
        potentials: torch.Tensor = self.lif.v_seq
        return potentials


def test_reading_potentials_of_all_ticks_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        capture(ReadsPotentials(), torch.rand(2, 4))
    finding, = error.value.diagnostics
    assert finding.code == "NC111"
    assert str(finding.values["cls"]).endswith("lif.LIFNode")
    assert "v_seq" in finding.message


def test_storing_potentials_that_nobody_reads_changes_nothing() -> None:
    plain = nets.lively(nets.MultiStep())
    storing, x = copy.deepcopy(plain), nets.image(2, 2, 8, 8)
    storing.lif1.store_v_seq = storing.lif2.store_v_seq = True
    assert capture(plain, x).to_bytes() == capture(storing, x).to_bytes()


def test_per_neuron_decay_is_refused() -> None:
    node = snntorch.Leaky(beta=torch.rand(4))
    with pytest.raises(UsageError) as error:
        capture(nn.Sequential(nn.Linear(4, 4), node), torch.rand(2, 4))
    assert error.value.diagnostics[0].code == "NC203"


def test_model_without_neurons_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        capture(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.rand(2, 4))
    assert error.value.diagnostics[0].code == "NC130"


class Branches(nn.Module):
    """Branches on a tensor's value."""

    def __init__(self) -> None:
        super().__init__()
        self.lif = neuron.IFNode(step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = self.lif(x)
        if s.sum() > 3:  # here
            return s * 2
        return s


def test_branch_on_data_names_its_line() -> None:
    with pytest.raises(UsageError) as error:
        capture(Branches(), torch.rand(4, 1, 3))
    finding, = error.value.diagnostics
    assert finding.code == "NC104"
    line = Path(__file__).read_text().splitlines()[(finding.where.line or 1) - 1]
    assert "# here" in line


class TooLarge(nn.Module):
    """Asks for a shape that no input has."""

    def __init__(self) -> None:
        super().__init__()
        self.lif = neuron.IFNode(step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lif(x.view(7, -1))  # no such view


def test_untraceable_model_names_its_line() -> None:
    with pytest.raises(UsageError) as error:
        capture(TooLarge(), torch.rand(4, 1, 3))
    finding, = error.value.diagnostics
    assert finding.code == "NC102"
    line = Path(__file__).read_text().splitlines()[(finding.where.line or 1) - 1]
    assert "# no such view" in line


def test_silent_modules_are_named() -> None:
    model = nets.lively(nets.MultiStep())
    counts = capture(model, torch.zeros(1, 2, 8, 8) - 5).info["replay"]["spikes"]
    assert set(counts) == {"lif1", "lif2"}


class PutBack(nn.Module):
    """A loop whose author puts the potential back and reads it, as SpikingJelly lets one."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.lif = nn.Linear(4, 8), neuron.LIFNode(step_mode="s")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.lif.v = torch.zeros(len(x), 8)
        total = torch.zeros(len(x), 8)
        for _ in range(3):
            total = total + self.lif(self.fc(x) * 4)
            self.lif.v = self.lif.v * 1.0
        return total


def test_a_potential_is_read_and_set_by_its_name() -> None:
    graph = capture(PutBack(), torch.rand(2, 4, generator=torch.Generator().manual_seed(0)))
    assert graph.info["replay"]["spikes"]["lif"] > 0
