"""Networks written as .nir: read back they give the same spikes, and other tools can read them."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neurocompile import cli
from neurocompile.backends import synchronous
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir.export import MAX_DENSE, export_nir
from neurocompile.formats.nir.file import load_nir
from neurocompile.formats.nir.load import read_network
from neurocompile.formats.nir.options import NirOptions
from neurocompile.ir.network import (
    Bias,
    Input,
    InputKind,
    Network,
    Population,
    Projection,
    Readout,
)
from neurocompile.ir.operators import Conv, Dense, Operator, identity, wiring
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset

TICKS = 12
LIF = FloatNeuron(model="LIF", decay=0.75, v_th=1.0, strict=True, reset=Reset.HARD)
SPIKES = Input("in", (2, 6, 6), InputKind.SPIKES)


def weights(*shape: int) -> np.ndarray:
    """Multiples of 1/16: all sums are exact, and networks fire."""
    rng = np.random.default_rng(sum(shape))
    return rng.integers(-4, 9, shape) / 16


def conv(in_shape: tuple[int, ...], channels: int, stride: int = 1) -> Conv:
    size = tuple((s - 1) // stride + 1 for s in in_shape[1:])
    return Conv(in_shape, (channels, *size), weights(channels, in_shape[0], 3, 3),
                (stride, stride), (1, 1))


def net(populations: list[Population], projections: list[tuple[str, str, Operator, int]],
        read: list[tuple[str, Operator]], *, inputs: tuple[Input, ...] = (SPIKES,),
        bias: np.ndarray | None = None) -> Network:
    size = read[0][1].out_size
    readout = Readout("logits", read[0][1].out_shape, tuple(read),
                      np.zeros(size) if bias is None else bias)
    return Network(inputs=inputs, populations=tuple(populations), projections=tuple(
        Projection(a, b, op, delay=delay) for a, b, op, delay in projections),
                   readouts=(readout,), n_ticks=TICKS)


def _feed_forward(neuron: FloatNeuron = LIF) -> Network:
    """A convolution with a bias per channel, a matrix with a bias, a read-out with one."""
    biased = neuron.alpha is None  # else the bias would be added beside the synaptic current
    bias = Bias(np.repeat([0.0, 0.25, -0.25, 0.5], 9)) if biased else None
    a = Population("a", (4, 3, 3), neuron, bias)
    b = Population("block.b", (8,), neuron, Bias(weights(8)) if biased else None)
    return net([a, b], [("in", "a", conv((2, 6, 6), 4, 2), 0),
                        ("a", "block.b", Dense((4, 3, 3), (8,), weights(8, 36) / (8 if biased else 2)), 0)],
               [("block.b", Dense((8,), (3,), weights(3, 8)))], bias=np.array([0.5, 0.0, -2.0]))


def _skips() -> Network:
    """Branches that add up: identity, diagonal, permutation, a delay of two ticks."""
    a, b, c = (Population(name, (4, 3, 3), LIF) for name in "abc")
    diagonal = identity((4, 3, 3)).times(np.full(36, 0.5))
    permutation = wiring((4, 3, 3), (4, 3, 3), np.random.default_rng(0).permutation(36))
    return net([a, b, c], [
        ("in", "a", conv((2, 6, 6), 4, 2), 0), ("a", "b", conv((4, 3, 3), 4), 0),
        ("a", "b", diagonal, 0), ("b", "c", permutation, 0), ("a", "c", identity((4, 3, 3)), 2)],
        [("c", identity((4, 3, 3))), ("a", Dense((4, 3, 3), (4, 3, 3), weights(36, 36)))])


def _flat_then_conv() -> Network:
    """A matrix into a population of three axes, then a convolution of it."""
    a, b = Population("a", (2, 3, 3), LIF), Population("b", (4, 3, 3), LIF, Bias(weights(36)))
    return net([a, b], [("in", "a", Dense((2, 6, 6), (2, 3, 3), weights(18, 72) / 2), 0),
                        ("a", "b", conv((2, 3, 3), 4), 0)], [("b", identity((4, 3, 3)))])


def _recurrent() -> Network:
    a = Population("a", (6,), LIF, Bias(weights(6)))
    b = Population("b", (6,), LIF)
    return net([a, b], [("in", "a", Dense((2, 6, 6), (6,), weights(6, 72) / 4), 0),
                        ("a", "a", Dense((6,), (6,), weights(6, 6)), 1),
                        ("a", "b", Dense((6,), (6,), weights(6, 6) + 0.25), 0),
                        ("b", "a", identity((6,)), 1)], [("b", identity((6,)))])


def _current_bias() -> Network:
    """A bias that passes a synaptic current comes from an input that always spikes."""
    cuba = FloatNeuron(model="CubaLIF", decay=0.5, v_th=1.0, strict=True, reset=Reset.HARD,
                       alpha=0.75)
    a = Population("a", (5,), cuba)
    one = Input("one", (1,), InputKind.ONE)
    return net([a], [("in", "a", Dense((2, 6, 6), (5,), weights(5, 72) / 4), 0),
                     ("one", "a", Dense((1,), (5,), weights(5, 1)), 0)],
               [("a", identity((5,)))], inputs=(SPIKES, one))


def _analog() -> Network:
    a = Population("a", (4, 3, 3), LIF)
    return net([a], [("image", "a", conv((2, 6, 6), 4, 2), 0)], [
        ("a", identity((4, 3, 3))), ("image", Dense((2, 6, 6), (4, 3, 3), weights(36, 72)))],
        inputs=(Input("image", (2, 6, 6), InputKind.STATIC, -0.5, 1.5),))


def _each_tick() -> Network:
    """An image, a read-out of every tick and one of the last."""
    analog = _analog()
    each = replace(analog.readouts[0], ticks="each", bias=weights(36))
    last = replace(each, name="last", ticks=TICKS - 1)
    return replace(analog, readouts=(each, last, replace(analog.readouts[0], name="total")))


NETWORKS = {"feed-forward": _feed_forward, "skips": _skips, "flat-then-conv": _flat_then_conv,
            "recurrent": _recurrent, "current-bias": _current_bias, "analog": _analog,
            "each-tick": _each_tick}
NEURONS = [FloatNeuron(model=model, decay=decay, v_th=0.875, strict=strict, reset=reset, alpha=alpha)
           for (model, decay, alpha), strict, reset in itertools.product(
               [("IF", 1.0, None), ("LIF", 0.75, None), ("CubaLIF", 0.5, 0.25)],
               [True, False], Reset)]


def input_for(network: Network) -> np.ndarray:
    """[samples, ticks, ...] spikes, or one image per sample."""
    rng = np.random.default_rng(1)
    if network.inputs[0].kind is InputKind.STATIC:
        return rng.integers(-8, 25, (3, 2, 6, 6)) / 16
    return (rng.random((3, TICKS, 2, 6, 6)) < 0.3).astype(np.float64)


def same_spikes(network: Network, folder: Path) -> None:
    x = input_for(network)
    before = synchronous.run(network, {network.inputs[0].name: x})
    (folder / "x.nir").write_bytes(export_nir(network).data)
    again = read_network(folder / "x.nir", NirOptions())
    spikes: dict[str, list[torch.Tensor]] = {}
    for module in again.model.modules():
        if hasattr(module, "neuron"):
            name = module.neuron.path
            module.register_forward_hook(
                lambda _, __, out, name=name: spikes.setdefault(name, []).append(out))
    tensor = torch.from_numpy(x.astype(np.float32))
    with torch.no_grad():
        output = again.model.eval()(tensor if again.static else tensor.movedim(1, 0))
    assert spikes.keys() == before.spikes.keys()
    for name, expected in before.spikes.items():
        assert 0.02 < expected.mean() < 0.98, name
        train = torch.cat(spikes[name]).flatten(2).movedim(0, 1).numpy()
        assert np.array_equal(train, expected), name
    outputs = output if isinstance(output, tuple) else (output,)
    for readout, given_back in zip(sorted(network.readouts, key=lambda r: r.name), outputs,
                                   strict=True):
        value = given_back.movedim(1, 0) if readout.ticks == "each" else given_back
        logits = before.read(readout)
        assert np.allclose(value.numpy().reshape(logits.shape), logits, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_read_back_it_gives_the_same_spikes(name: str, tmp_path: Path) -> None:
    same_spikes(NETWORKS[name](), tmp_path)


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda v: f"{v.model}-{v.strict}-{v.reset.name}")
def test_every_neuron(neuron: FloatNeuron, tmp_path: Path) -> None:
    same_spikes(_feed_forward(neuron), tmp_path)


def test_the_file_is_what_the_network_is(tmp_path: Path) -> None:
    document = export_nir(_feed_forward())
    assert document.data == export_nir(_feed_forward()).data
    (tmp_path / "x.nir").write_bytes(document.data)
    file = load_nir(tmp_path / "x.nir")
    kinds = {name: type(node).__name__ for name, node in file.graph.nodes.items()}
    assert kinds == {
        "in": "Input", "a.in": "Conv2d", "a": "LIF", "block.b.in.flat": "Flatten",
        "block.b.in": "Affine", "block.b": "LIF", "logits.in": "Affine", "logits": "Output"}
    assert set(file.graph.edges) == {
        ("in", "a.in"), ("a.in", "a"), ("a", "block.b.in.flat"),
        ("block.b.in.flat", "block.b.in"), ("block.b.in", "block.b"), ("block.b", "logits.in"),
        ("logits.in", "logits")}
    lif, first = file.graph.nodes["a"], file.graph.nodes["a.in"]
    assert isinstance(lif, n.LIF)
    assert lif.tau.shape == (4, 3, 3)
    assert np.allclose(1 - 1e-4 / lif.tau, 0.75)
    assert np.allclose(lif.r * 1e-4 / lif.tau, 1.0)
    assert isinstance(first, n.Conv2d)
    assert first.bias.tolist() == [0.0, 0.25, -0.25, 0.5]
    assert first.input_shape == (6, 6)


def test_a_reader_of_nir_alone_gets_the_same_network(tmp_path: Path) -> None:
    """Without our metadata, by NIR's own equations: hard resets and `>` are all NIR says."""
    network = _feed_forward()
    data = export_nir(network, dt=2.0**-10).data
    (tmp_path / "x.nir").write_bytes(data.replace(b"neurocompile\x00", b"neurocompilf\x00"))
    assert load_nir(tmp_path / "x.nir").ours is None
    again = read_network(tmp_path / "x.nir", NirOptions(
        producer="nir", dt=2.0**-10, reset="hard", discretization="euler"))
    x = input_for(network)
    before = synchronous.run(network, {"in": x})
    with torch.no_grad():
        output = again.model(torch.from_numpy(x.astype(np.float32)).movedim(1, 0)).sum(0).numpy()
    assert np.allclose(output, before.read(network.readouts[0]), rtol=1e-5, atol=1e-5)


def test_what_nir_cannot_say_is_listed() -> None:
    document = export_nir(_feed_forward(FloatNeuron(
        model="LIF", decay=0.5, v_th=1.0, strict=False, reset=Reset.SOFT_DELAYED)))
    warnings = [(d.code, d.values["module"], d.values["what"]) for d in document.warnings]
    both = "the reset (soft, one tick later) and the comparison (v >= threshold)"
    assert warnings == [("NC117", "a", both), ("NC117", "block.b", both),
                    ("NC117", "logits", "that it is a sum over a sample's ticks")]
    assert [d.values["module"] for d in export_nir(_analog()).warnings] == ["image", "logits"]


def test_a_synaptic_current_that_never_decays_is_refused() -> None:
    with pytest.raises(FindingsError, match=r"NC117.*the neuron of `a`.*time constant"):
        export_nir(_feed_forward(FloatNeuron(
            model="CubaLIF", decay=0.5, v_th=1.0, strict=True, reset=Reset.HARD, alpha=1.0)))


def test_a_bias_beside_the_synaptic_current_is_refused() -> None:
    a = Population("a", (4, 3, 3), NEURONS[-1], Bias(np.ones(36)))
    with pytest.raises(FindingsError, match=r"NC117.*the bias of `a`.*synaptic current"):
        export_nir(net([a], [("in", "a", conv((2, 6, 6), 4, 2), 0)],
                       [("a", Dense((4, 3, 3), (3,), weights(3, 36)))]))


def test_sparse_operators_of_any_size_are_not() -> None:
    side = int(MAX_DENSE**0.5) + 1
    a, b = Population("a", (side,), LIF), Population("b", (side,), LIF)
    shift = wiring((side,), (side,), np.roll(np.arange(side), 1))
    network = net([a, b], [("in", "a", identity((side,)), 0), ("a", "b", shift, 0)],
                  [("b", identity((side,)))], inputs=(Input("in", (side,), InputKind.SPIKES),))
    with pytest.raises(FindingsError, match=r"NC117.*the synapses of `b`.*16,777,216"):
        export_nir(network)


def test_parameters_changed_by_another_tool_are_noticed(tmp_path: Path) -> None:
    import h5py

    (tmp_path / "x.nir").write_bytes(export_nir(_feed_forward()).data)
    with h5py.File(tmp_path / "x.nir", "a") as file:
        file["node/nodes/block.b/v_threshold"][...] = 2.0
    with pytest.raises(UsageError, match=r"NC003.*`block.b` were changed after the export"):
        read_network(tmp_path / "x.nir", NirOptions())


NET = """
import torch
from spikingjelly.activation_based import neuron
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.lif = nn.Linear(5, 6), neuron.LIFNode(step_mode="m", v_reset=None)
        torch.manual_seed(3)
        nn.init.uniform_(self.fc.weight, 0.0, 1.0)

    def forward(self, x):
        return self.lif(self.fc(x.unsqueeze(0).repeat(4, 1, 1))).mean(0)
"""


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                             capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nir_test_net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    export = ["export", "nir_test_net:Net", "--input-shape", "5", "-o", "net.nir"]
    assert cli.run(export) == 0
    text = capsys.readouterr().out
    assert "NC117" in text
    assert "wrote net.nir: 5 nodes" in text
    assert load_nir(tmp_path / "net.nir").ours is not None
    assert cli.run(["check", "net.nir", "-t", "loihi2"]) == 0
    assert "1 populations" in capsys.readouterr().out
    assert cli.run([*export, "--nir-dt", "0"]) == 2
    assert "NC009" in capsys.readouterr().err


if importlib.util.find_spec("nir") is not None:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_the_nir_package_reads_it(name: str, tmp_path: Path) -> None:
        import nir

        (tmp_path / "x.nir").write_bytes(export_nir(NETWORKS[name]()).data)
        graph = nir.read(tmp_path / "x.nir")
        ours = load_nir(tmp_path / "x.nir").graph
        assert {k: type(v).__name__ for k, v in graph.nodes.items()} == {
            k: type(v).__name__ for k, v in ours.nodes.items()}
        assert graph.check_types()
