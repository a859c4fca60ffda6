"""From a `.net` file to a chip's integers: the file's own numbers, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from neurocompile.backends import synchronous
from neurocompile.backends.loihi.net_chain import net_chain
from neurocompile.builds.builder import first_inputs
from neurocompile.diagnostics import Severity
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.targets import load_target
from neurocompile.formats.load import load_model
from neurocompile.formats.net.file import read_net
from neurocompile.formats.net.layers import ConvLayer, DenseLayer, NetFile
from neurocompile.formats.net.write import net_bytes
from neurocompile.formats.request import Request
from neurocompile.input_sizes import InputSizes
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Network
from neurocompile.options import Options
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.semantics.loihi import LoihiNeuron, State, step
from tests.formats.net.net_files import (
    MAKERS,
    cell,
    dense,
    even,
    file_of_lava,
    frames,
    of_picture,
    write,
)
from tests.paths import EXAMPLES

LOIHI2 = load_target("loihi2")


def loihi_compilation(graph: Graph) -> LoihiCompilation:
    compilation = compile_graph(graph, LOIHI2, Options())
    assert isinstance(compilation, LoihiCompilation)
    return compilation


def compile_file(path: Path, **request: object) -> LoihiCompilation:
    capture = load_model(Request(spec=str(path), **request))  # type: ignore[arg-type]
    return loihi_compilation(capture.graph)


def both(name: str, tmp_path: Path) -> tuple[NetFile, LoihiCompilation]:
    path = write(tmp_path / "x.net", MAKERS[name]())
    return read_net(path), compile_file(path)


def weights_by_delay(network: Network, source: str, target: str) -> dict[int, np.ndarray]:
    """Weights as the target gets them, by delay."""
    return {p.delay: p.operator.matrix().toarray().astype(np.int64) << p.exponent
            for p in network.projections if (p.source, p.target) == (source, target)}


@pytest.mark.parametrize("name", MAKERS)
def test_the_integers_are_the_files(name: str, tmp_path: Path) -> None:
    net, result = both(name, tmp_path)
    network = result.network
    assert [d.code for d in result.diagnostics if d.level >= Severity.WARNING] == []
    source = network.inputs[0].name if net.input.cell is None else "layer.0"
    for i, layer in net.layers.items():
        if layer.cell is None:
            continue
        population = network.population(f"layer.{i}")
        neuron = loihi_neuron(population)
        assert (neuron.du, neuron.dv, neuron.vth) == (
            layer.cell.i_decay - 1, layer.cell.v_decay, layer.cell.threshold)
        if layer.bias is not None:
            assert population.bias is not None
            bias = np.broadcast_to(layer.bias, layer.shape).reshape(-1) << 6
            assert np.array_equal(population.bias.value, bias)
        parts = weights_by_delay(network, source, population.name)
        if isinstance(layer, ConvLayer):
            operator, = (p.operator for p in network.into(population.name))
            assert np.array_equal(operator.weights, layer.weight)
        else:
            delay = np.zeros_like(layer.weight) if layer.delay is None else layer.delay
            assert sorted(parts) == sorted(np.unique(delay[layer.weight != 0]))
            for ticks, weights in parts.items():
                assert np.array_equal(weights, layer.weight * (delay == ticks))
        source = population.name


def by_hand(net: NetFile, x: np.ndarray) -> dict[int, np.ndarray]:
    """Spikes [ticks, neurons] of each layer for one sample's spikes [ticks, *shape]; no libraries
    but the executable specification and torch's convolution."""
    spikes, by_layer = x.reshape(len(x), *net.input.shape).astype(np.int64), {}
    for i, layer in net.layers.items():
        if layer.cell is None:
            break
        size = int(np.prod(layer.shape))
        states, outputs = [State() for _ in range(size)], np.zeros((len(x), size), np.int64)
        bias = np.zeros(size, np.int64) if layer.bias is None else np.broadcast_to(
            layer.bias, layer.shape).reshape(-1)
        for t in range(len(x)):
            if isinstance(layer, DenseLayer):
                a = np.zeros(size, np.int64)
                delay = layer.delay if layer.delay is not None else layer.weight * 0
                for d in range(t + 1):
                    a += (layer.weight * (delay == d)) @ spikes[t - d].reshape(-1)
                if layer.recurrent is not None and t:
                    a += layer.recurrent @ outputs[t - 1]
            else:
                a = nn.functional.conv2d(
                    torch.tensor(spikes[t][None]).double(), torch.tensor(layer.weight).double(),
                    None, layer.stride, layer.padding, layer.dilation,
                    layer.groups).long().numpy().reshape(-1)
            neuron = _chip(layer)
            outputs[t] = [step(neuron, states[n], int(a[n]), int(bias[n]) << 6)
                          for n in range(size)]
        by_layer[i] = outputs
        spikes = outputs.reshape(len(x), *layer.shape)
    return by_layer


def _chip(layer: DenseLayer | ConvLayer) -> LoihiNeuron:
    assert layer.cell is not None
    return LoihiNeuron(layer.cell.i_decay - 1, layer.cell.v_decay, layer.cell.threshold)


@pytest.mark.parametrize("name", ["mixed", "delayed", "recurrent"])
def test_the_reference_spikes_as_the_file_says(name: str, tmp_path: Path) -> None:
    """Integer and float network alike, every layer and tick."""
    net, result = both(name, tmp_path)
    rng = np.random.default_rng(5)
    x = (rng.random((3, 6, *net.input.shape)) < 0.4).astype(float)
    inputs = {result.network.inputs[0].name: x}
    integer = synchronous.run(result.network, inputs)
    floating = synchronous.run(result.floating, inputs)
    for sample in range(3):
        for i, expected in by_hand(net, x[sample]).items():
            assert 0 < expected.sum() < expected.size, i
            for run in (integer, floating):
                assert np.array_equal(run.spikes[f"layer.{i}"][sample], expected), i


def test_the_last_layer_without_neurons_is_read_out(tmp_path: Path) -> None:
    net, result = both("mixed", tmp_path)
    x = (np.random.default_rng(6).random((2, 6, 2, 6, 5)) < 0.4).astype(float)
    read, = synchronous.outputs(result.network, {result.network.inputs[0].name: x}).values()
    last = net.layers[4]
    assert isinstance(last, DenseLayer)
    for sample in range(2):
        counts = by_hand(net, x[sample])[3].sum(0)
        assert np.array_equal(read[sample], last.weight @ counts)
        assert counts.any()


@pytest.mark.parametrize(("threshold", "read"), [(131071, True), (700, False)])
def test_neurons_that_only_add_up_are_read_out(threshold: int, read: bool, tmp_path: Path) -> None:
    """PilotNet ends so: no leak, and a threshold that is never reached."""
    rng = np.random.default_rng(0)
    last = dense(even(rng, 2, 6, scale=40), neuron=cell(4096, 0, threshold), bias=[4.0, 2.0])
    path = write(tmp_path / "x.net", [frames(5), dense(even(rng, 6, 5, scale=40)), last])
    network = compile_file(path).network
    assert [p.name for p in network.populations] == ["layer.1", *([] if read else ["layer.2"])]
    x = (rng.random((1, 6, 5)) < 0.5).astype(float)
    name = network.inputs[0].name
    values, = synchronous.outputs(network, {name: x}).values()
    layers = read_net(path).layers
    if read:
        counts = synchronous.run(network, {name: x}).spikes["layer.1"][0].sum(0)
        assert counts.any()
        assert np.array_equal(values[0], layers[2].weight @ counts + 6 * np.array([4, 2]))


@pytest.mark.parametrize("name", ["mnist.net", "tiny.net"])
def test_the_shipped_files_keep_their_numbers(name: str) -> None:
    pytest.importorskip("lava")
    net, network = read_net(file_of_lava(name)), compile_file(file_of_lava(name)).network
    for i, layer in net.layers.items():
        if layer.cell is None:
            continue
        neuron = loihi_neuron(network.population(f"layer.{i}"))
        assert (neuron.du, neuron.dv, neuron.vth) == (
            4095, layer.cell.v_decay, layer.cell.threshold)
        projection, = network.into(f"layer.{i}")
        assert projection.exponent == 0
        assert np.array_equal(projection.operator.weights, layer.weight)
    assert network.n_ticks == {"mnist.net": 16, "tiny.net": 64}[name]
    encoder, = network.encoders
    image = np.full((1, *net.input.shape), 0.25)
    assert net.input.cell is not None
    assert loihi_neuron(network.population("layer.0")).vth == net.input.cell.threshold
    assert np.all(encoder.exact({encoder.sources[0]: image}) == round(0.25 * net.input.weight + net.input.bias))


def test_ticks_of_the_command_line_come_first(tmp_path: Path) -> None:
    path = write(tmp_path / "x.net", of_picture(), ticks=None)
    assert compile_file(path, n_ticks=9).network.n_ticks == 9
    assert compile_file(write(path, of_picture(), ticks=5), n_ticks=3).network.n_ticks == 3


def test_numbers_that_the_chip_does_not_hold_are_told(tmp_path: Path) -> None:
    """Odd weights of both signs, and sums that could overflow: built at another scale, and said."""
    weight = np.array([[3.0, -5, 7], [1, 2, -3]])
    odd = compile_file(write(tmp_path / "x.net", [frames(3), dense(weight)]))
    finding, = (d for d in odd.diagnostics if d.level >= Severity.WARNING)
    assert (finding.code, finding.level) == ("NC301", Severity.WARNING)
    assert "another scale" in finding.notes[-1]
    assert loihi_neuron(odd.network.population("layer.1")).vth == 160
    large = np.full((2, 900), 254.0)
    large[0, 0] = -2
    over = compile_file(write(tmp_path / "x.net", [
        frames(900), dense(large, neuron=cell(4096, 0, 100_000))], ticks=60))
    assert ("NC303", Severity.WARNING) in [(d.code, d.level) for d in over.diagnostics]
    with_bias = compile_file(write(tmp_path / "x.net", [
        frames(3), dense(2 * weight, bias=[30_000.0, 2])]))
    assert ("NC306", Severity.WARNING) in [(d.code, d.level) for d in with_bias.diagnostics]


def same_network(a: Network, b: Network, names: dict[str, str]) -> None:
    """The populations and synapses of `a` are those of `b`, whose names are translated."""
    for population in a.populations:
        other = b.population(names[population.name])
        assert loihi_neuron(population) == loihi_neuron(other)
        assert (population.bias is None) == (other.bias is None)
        if population.bias is not None and other.bias is not None:
            assert np.array_equal(population.bias.value, other.bias.value)
    for projection in a.projections:
        twin, = (p for p in b.projections if (p.source, p.target) == (
            names[projection.source], names[projection.target]))
        assert np.array_equal(projection.operator.weights << projection.exponent,
                              twin.operator.weights << twin.exponent)


def round_trip(result: LoihiCompilation, names: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "network.net"
    chain = net_chain(result.network, result.schedule)
    assert isinstance(chain, NetFile), chain
    path.write_bytes(net_bytes(chain))
    again = compile_file(path)
    assert [d.code for d in again.diagnostics if d.code.startswith("NC3")
            and d.level >= Severity.WARNING and d.code != "NC312"] == []
    assert again.network.n_ticks == result.network.n_ticks
    same_network(result.network, again.network, names)


@pytest.mark.slow
def test_our_own_file_of_the_mnist_example_comes_back(tmp_path: Path) -> None:
    """The convolutional one: the other resets by subtraction, which netx has not."""
    mnist = EXAMPLES / "mnist"
    capture = load_model(Request(spec=str(mnist / "model.pt"), arch="conv_net:make", folders=(mnist,),
                                input=InputSizes((1, 28, 28))))
    result = loihi_compilation(capture.graph)
    names = {p.name: f"layer.{i}" for p, i in zip(
        result.network.populations, (0, 1, 3), strict=True)}
    round_trip(result, names, tmp_path)


@pytest.mark.parametrize("name", ["mixed", "pictured"])
def test_our_own_file_of_an_imported_network_comes_back(name: str, tmp_path: Path) -> None:
    _, result = both(name, tmp_path)
    names = {p.name: p.name for p in result.network.populations}
    source = result.network.inputs[0].name
    round_trip(result, {**names, source: source}, tmp_path)


@pytest.mark.slow
def test_activity_of_the_examples(tmp_path: Path) -> None:
    """What the other tests compare is alive, on the inputs that a build verifies with."""
    for name in MAKERS:
        _, result = both(name, tmp_path)
        spikes = synchronous.run(result.network, first_inputs(result.floating, None, 3)).spikes
        assert all(0 < s.sum() < s.size for s in spikes.values()), name
