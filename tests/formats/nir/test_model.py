"""Imported graphs compute what NIR says: every node type, nesting, delays, cycles."""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from neurocompile.capture.torch_model import reset
from neurocompile.diagnostics import UsageError
from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir.file import load_nir
from neurocompile.formats.nir.graph import flat
from neurocompile.formats.nir.load import NirNetwork, read_network
from neurocompile.formats.nir.options import NirOptions
from neurocompile.formats.nir.write import nir_bytes

BOOK = NirOptions(producer="nir", dt=1e-3, reset="hard", discretization="euler")
RNG = np.random.default_rng(3)


def network(path: Path, nodes: dict[str, n.Node], *edges: tuple[str, str],
            options: NirOptions = BOOK) -> NirNetwork:
    path.write_bytes(nir_bytes(n.NIRGraph(nodes, edges)))
    return read_network(path, options)


def chain(path: Path, shape: n.Shape, *nodes: n.Node, options: NirOptions = BOOK) -> NirNetwork:
    """Input, nodes one after the other, Output."""
    names = [f"n{i}" for i in range(len(nodes))]
    with_ends = {"in": n.Input(shape), **dict(zip(names, nodes, strict=True))}
    order = ["in", *names]
    try:
        out = flat(n.NIRGraph({**with_ends, "out": n.Output((1,))}, tuple(
            zip(order, [*names, "out"], strict=True))), "x").shapes["out"]
    except UsageError as error:  # it says which shape the output has
        out = ast.literal_eval(str(error).rpartition("gets ")[2])
    return network(path, {**with_ends, "out": n.Output(out)},
                   *zip(order, [*names, "out"], strict=True), options=options)


def per_tick(net: NirNetwork, *x: np.ndarray) -> np.ndarray:
    """Outputs [ticks, samples, ...]."""
    reset(net.model)
    with torch.no_grad():
        return net.model.eval()(*(torch.from_numpy(a.astype(np.float32)) for a in x)).numpy()


def run(net: NirNetwork, *x: np.ndarray) -> np.ndarray:
    """Outputs summed over ticks."""
    return per_tick(net, *x).sum(0)


def whole(*shape: int) -> np.ndarray:
    """Small whole numbers: sums are exact in any order."""
    return RNG.integers(-4, 5, shape).astype(np.float32)


def _conv(kind: type, weight: np.ndarray, **options: Any) -> n.Node:
    return kind(weight, whole(weight.shape[0]), **options)


W1, W2, FC = whole(4, 1, 3), whole(4, 2, 3, 2), whole(5, 6)
CASES: dict[str, tuple[n.Shape, n.Node, Any]] = {
    "affine": ((6,), n.Affine(FC, np.arange(5.0)),
               lambda x: F.linear(x, torch.from_numpy(FC), torch.arange(5.0))),
    "affine-tokens": ((3, 6), n.Affine(FC, np.arange(5.0)),
                      lambda x: F.linear(x, torch.from_numpy(FC), torch.arange(5.0))),
    "linear": ((6,), n.Linear(FC), lambda x: F.linear(x, torch.from_numpy(FC))),
    "scale": ((6,), n.Scale(np.arange(6.0)), lambda x: x * torch.arange(6.0)),
    "conv1d": ((2, 9), n.Conv1d(W1, np.arange(4.0), (2,), (1,), (2,), 2),
               lambda x: F.conv1d(x, torch.from_numpy(W1), torch.arange(4.0), 2, 1, 2, 2)),
    "conv1d-same": ((2, 9), n.Conv1d(W1, np.zeros(()), (1,), "same", (1,), 2),
                    lambda x: F.conv1d(x, torch.from_numpy(W1), None, 1, "same", 1, 2)),
    "conv2d": ((4, 7, 8), n.Conv2d(W2, np.arange(4.0), (2, 1), (1, 0), (1, 2), 2),
               lambda x: F.conv2d(x, torch.from_numpy(W2), torch.arange(4.0), (2, 1), (1, 0),
                                  (1, 2), 2)),
    "conv2d-valid": ((4, 7, 8), n.Conv2d(W2, np.zeros(4), (1, 1), "valid", (1, 1), 2, (7, 8)),
                     lambda x: F.conv2d(x, torch.from_numpy(W2), None, 1, 0, 1, 2)),
    "sum-pool": ((3, 6, 6), n.SumPool2d((2, 3), (2, 1), (1, 0)),
                 lambda x: 6 * F.avg_pool2d(x, (2, 3), (2, 1), (1, 0))),
    "avg-pool": ((3, 6, 6), n.AvgPool2d((2, 2), (2, 2), (1, 1)),
                 lambda x: F.avg_pool2d(x, 2, 2, 1)),
    "flatten": ((3, 4, 5), n.Flatten(1, -1), lambda x: x.flatten(2)),
    "flatten-all": ((3, 4, 5), n.Flatten(0, 2, (3, 4, 5)), lambda x: x.flatten(1)),
}


@pytest.mark.parametrize("name", CASES)
def test_nodes_without_memory(name: str, tmp_path: Path) -> None:
    shape, node, reference = CASES[name]
    x = whole(3, 2, *shape)
    output = per_tick(chain(tmp_path / "x.nir", shape, node), x)
    expected = torch.stack([reference(torch.from_numpy(now)) for now in x]).numpy()
    assert np.abs(expected).max() > 0
    assert np.allclose(output, expected, rtol=1e-6, atol=1e-6)  # 6 * mean is not whole


def simulate(node: Any, x: np.ndarray, dt: float, reset: str, exact: bool) -> np.ndarray:
    """NIR's equations in float64 numpy, an independent reading: outputs [ticks, ...]."""
    def rate(tau: Any) -> Any:
        return 1 - np.exp(-dt / tau) if exact else dt / tau
    spiking = isinstance(node, n.IF | n.LIF | n.CubaLIF)
    v_reset = 0.0 if not spiking or node.v_reset is None else node.v_reset
    u, v, out = np.zeros_like(x[0], float), np.zeros_like(x[0], float) + v_reset, []
    for now in x:
        if isinstance(node, n.I | n.IF):
            v = v + dt * node.r * now
        elif isinstance(node, n.LI | n.LIF):
            v = v + rate(node.tau) * (node.v_leak - v + node.r * now)
        else:
            u = u + rate(node.tau_syn) * ((1 if node.w_in is None else node.w_in) * now - u)
            v = v + rate(node.tau_mem) * (node.v_leak - v + node.r * u)
        if not spiking:
            out.append(v.copy())
            continue
        s = v > node.v_threshold
        v = np.where(s, v_reset if reset == "hard" else v - node.v_threshold, v)
        out.append(s.astype(float))
    return np.stack(out)


def f(*values: float) -> np.ndarray:
    return np.array(values)


NEURONS: dict[str, n.Node] = {
    "IF": n.IF(f(250.0), f(1.0), f(-0.25)),
    "IF-r-per-neuron": n.IF(f(100.0, 200.0, 300.0), f(1.0, 1.0, 1.0)),
    "LIF": n.LIF(f(4e-3), f(2.0), f(0.1), f(0.4), f(-0.1)),
    "LIF-leak-per-neuron": n.LIF(np.full(3, 4e-3), f(2.0, 1.0, 3.0), f(0.1, -0.2, 0.3),
                                 np.full(3, 0.4)),
    "CubaLIF": n.CubaLIF(f(2e-3), f(5e-3), f(2.0), f(0.0), f(0.3)),
    "CubaLIF-w-per-neuron": n.CubaLIF(np.full(3, 2e-3), np.full(3, 5e-3), f(2.0, 3.0, 1.0),
                                      np.zeros(3), np.full(3, 0.3), None, f(1.0, 0.5, 2.0)),
    "I": n.I(f(150.0)),
    "LI": n.LI(f(4e-3), f(2.0), f(0.1)),
    "CubaLI": n.CubaLI(f(2e-3), f(5e-3), f(2.0), f(0.1)),
}


@pytest.mark.parametrize("step", ["euler", "exact"])
@pytest.mark.parametrize("mode", ["hard", "soft"])
@pytest.mark.parametrize("name", NEURONS)
def test_neurons_by_the_book(name: str, mode: str, step: str, tmp_path: Path) -> None:
    node = NEURONS[name]
    spiking = hasattr(node, "v_threshold")
    x = RNG.random((40, 2, 3))
    options = NirOptions(producer="nir", dt=1e-3, reset=mode, discretization=step)
    net = chain(tmp_path / "x.nir", (3,), node, options=options)
    expected = simulate(node, x, 1e-3, mode, step == "exact")
    if spiking:
        assert 0.05 < expected.mean() < 0.9
        assert np.array_equal(per_tick(net, x), expected)
    else:
        assert np.allclose(per_tick(net, x), expected, rtol=1e-4)


def test_threshold(tmp_path: Path) -> None:
    x = RNG.random((9, 2, 3)).astype(np.float32)
    net = chain(tmp_path / "x.nir", (3,), n.Threshold(f(0.5)))
    assert np.array_equal(per_tick(net, x), x > 0.5)


@pytest.mark.parametrize("ticks", [[0, 0, 0], [2, 2, 2], [0, 1, 3]])
def test_delays(ticks: list[int], tmp_path: Path) -> None:
    x = (RNG.random((7, 2, 3)) < 0.5).astype(np.float32)
    net = chain(tmp_path / "x.nir", (3,), n.Delay(np.array(ticks) * 1e-3))
    expected = np.zeros_like(x)
    for i, k in enumerate(ticks):
        expected[k:, :, i] = x[:len(x) - k, :, i]
    assert expected.sum() > 5
    assert np.array_equal(per_tick(net, x), expected)


def test_a_delay_between_ticks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"NC111.*1\.5 ticks"):
        chain(tmp_path / "x.nir", (3,), n.Delay(np.full(3, 1.5e-3)))


def _recurrent(delay: bool) -> tuple[dict[str, n.Node], list[tuple[str, str]]]:
    nodes: dict[str, n.Node] = {
        "in": n.Input((3,)), "lif": n.LIF(np.full(3, 4e-3), np.full(3, 4.0), np.zeros(3),
                                          np.full(3, 0.9)),
        "rec": n.Affine(np.array([[0, -1, 2], [1, 0, -1], [0.5, 1, 0]]), f(0.1, 0.2, 0.3)),
        "out": n.Output((3,))}
    edges = [("in", "lif"), ("rec", "lif"), ("lif", "out")]
    if delay:
        nodes["late"] = n.Delay(np.full(3, 1e-3))
        return nodes, [*edges, ("lif", "late"), ("late", "rec")]
    return nodes, [*edges, ("lif", "rec")]


@pytest.mark.parametrize("delay", [True, False])
def test_cycles_take_a_tick(delay: bool, tmp_path: Path) -> None:
    nodes, edges = _recurrent(delay)
    net = network(tmp_path / "x.nir", nodes, *edges)
    x = RNG.random((15, 2, 3))
    lif, rec = nodes["lif"], nodes["rec"]
    v, s, out = np.zeros((2, 3)), np.zeros((2, 3)), []
    for now in x:
        v = v + 0.25 * (-v + 4.0 * (now + s @ rec.weight.T + rec.bias))
        s = (v > lif.v_threshold).astype(float)
        v = np.where(s > 0, 0.0, v)
        out.append(s)
    assert np.mean(out) > 0.2
    assert net.model.looped
    assert np.array_equal(per_tick(net, x), np.stack(out))


def test_nested_graphs_are_the_flat_one(tmp_path: Path) -> None:
    lif = n.LIF(np.full(5, 4e-3), np.full(5, 2.0), np.zeros(5), np.full(5, 0.8))
    inner = n.NIRGraph({"i": n.Input((6,)), "fc": n.Linear(FC), "o": n.Output((5,))},
                       (("i", "fc"), ("fc", "o")))
    outer = n.NIRGraph({"a": n.Input((6,)), "inner": inner, "lif": lif, "z": n.Output((5,))},
                       (("a", "inner"), ("inner", "lif"), ("lif", "z")))
    net = chain(tmp_path / "x.nir", (6,), outer)
    plain = chain(tmp_path / "y.nir", (6,), n.Linear(FC), lif)
    x = RNG.random((12, 2, 6))
    assert run(plain, x).sum() > 10
    assert np.array_equal(run(net, x), run(plain, x))
    assert "n0.inner.fc" in net.model.part_names
    assert "n0.lif" in net.model.part_names


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    nodes: dict[str, n.Node] = {
        "b": n.Input((3,)), "a": n.Input((3,)), "s": n.Scale(f(2.0)), "y": n.Output((3,)),
        "z": n.Output((3,)), "t": n.Threshold(f(0.5))}
    net = network(tmp_path / "x.nir", nodes, ("a", "s"), ("b", "s"), ("s", "z"), ("b", "t"),
                    ("t", "y"))
    assert list(net.inputs) == ["a", "b"]
    a, b = RNG.random((2, 4, 2, 3)).astype(np.float32)
    y, z = (t.numpy() for t in net.model(torch.from_numpy(a), torch.from_numpy(b)))
    assert np.array_equal(y, b > 0.5)
    assert np.allclose(z, 2 * (a + b), rtol=1e-6)


def test_an_input_that_holds(tmp_path: Path) -> None:
    path = tmp_path / "x.nir"
    chain(path, (3,), NEURONS["LIF"])
    x = RNG.random((2, 3)) + 0.2
    constant = read_network(path, BOOK, n_ticks=9)
    assert constant.static
    repeats = run(read_network(path, BOOK), np.repeat(x[None], 9, 0))
    assert repeats.sum() > 5
    assert np.array_equal(run(constant, x), repeats)


@pytest.mark.parametrize("name", ["Layer/1", "a.b", "x y", "0", "neuron", "forward", "ï"])
def test_names_are_kept(name: str, tmp_path: Path) -> None:
    if "/" in name:
        name = name.replace("/", "|")  # HDF5 has no name with a slash
    net = network(tmp_path / "x.nir", {"in": n.Input((3,)), name: NEURONS["LIF"],
                                         "out": n.Output((3,))}, ("in", name), (name, "out"))
    assert [m.path for m in net.model.modules() if hasattr(m, "path")] == [name]


def test_parameters_that_differ_are_refused(tmp_path: Path) -> None:
    node = n.LIF(f(1e-3, 2e-3, 3e-3), np.ones(3), np.zeros(3), np.ones(3))
    with pytest.raises(UsageError, match=r"NC203.*`tau`"):
        chain(tmp_path / "x.nir", (3,), node)


def test_written_files_are_read_back(tmp_path: Path) -> None:
    """Every node type and field, bit for bit."""
    nodes: dict[str, n.Node] = {name: case[1] for name, case in CASES.items()}
    nodes |= NEURONS | {"t": n.Threshold(f(0.5)), "d": n.Delay(f(1e-3)), "in": n.Input((3, 4)),
                        "out": n.Output((2,))}
    nodes["sub"] = n.NIRGraph(dict(nodes), (("a", "b"),))
    (tmp_path / "x.nir").write_bytes(nir_bytes(n.NIRGraph(nodes, (("x", "y"), ("y", "z"))), "{}"))
    file = load_nir(tmp_path / "x.nir")
    assert (file.version, file.ours) == ("1.0.8", "{}")
    assert {type(node) for node in nodes.values()} == set(n.NODE_TYPES.values())
    _equal(file.graph, n.NIRGraph(nodes, (("x", "y"), ("y", "z"))))


def _equal(a: n.Node, b: n.Node) -> None:
    assert type(a) is type(b)
    if isinstance(a, n.NIRGraph):
        assert a.edges == b.edges
        assert a.nodes.keys() == b.nodes.keys()
        for name in a.nodes:
            _equal(a.nodes[name], b.nodes[name])
        return
    for field, value in vars(a).items():
        other = vars(b)[field]
        assert (np.array_equal(value, other) and value.dtype == other.dtype
                if isinstance(value, np.ndarray) else value == other), field


def test_exact_steps_differ_from_euler(tmp_path: Path) -> None:
    assert math.isclose(1 - math.exp(-0.25), 0.2212, rel_tol=1e-3)
    x = RNG.random((60, 4, 3))
    euler, exact = (run(chain(tmp_path / "x.nir", (3,), NEURONS["LIF"],
                              options=replace(BOOK, discretization=step)), x)
                    for step in ("euler", "exact"))
    assert not np.array_equal(euler, exact)
