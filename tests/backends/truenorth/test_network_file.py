"""The core network's file: nothing is lost, bytes repeat, hostile files are refused (NC003)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurocompile.backends.truenorth.check import LAYOUTS, require
from neurocompile.backends.truenorth.network_file import KEY, load_network, save_network
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.formats.tensor_file import read_tensors, write_tensors
from neurocompile.ir.mapping import CoreId
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.passes.truenorth.crossbar import WHOLE
from neurocompile.passes.truenorth.extents import extents
from tests.backends.truenorth.random_cores import random_input, random_network


def same(a: CoreNetwork, b: CoreNetwork) -> None:
    tables: list[tuple[Any, Any]] = [(a.cores, b.cores), *zip(a.inputs, b.inputs, strict=True),
              *zip(a.populations, b.populations, strict=True)]
    for one, other in tables:
        for f in fields(one):
            a_value, b_value = getattr(one, f.name), getattr(other, f.name)
            if isinstance(a_value, np.ndarray):
                assert a_value.dtype == b_value.dtype
                np.testing.assert_array_equal(a_value, b_value)
            else:
                assert a_value == b_value
    for name in ("n_ticks", "step", "reload", "roles", "places", "crossbar"):
        assert getattr(a, name) == getattr(b, name)


def full(seed: int = 0) -> CoreNetwork:
    """A network with every table filled."""
    network = random_network(seed, stochastic=seed % 2 == 1)
    count = len(network.cores)
    on_bus = replace(network.populations[0], line=np.arange(len(network.populations[0].core)) - 1)
    return replace(network, populations=(on_bus, network.populations[1]), reload=False,
                   roles=tuple(f"splitter of \x1b{k}é" for k in range(count)),
                   places=tuple(CoreId(0, k, 2) for k in range(count)))


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_lost_and_bytes_repeat(seed: int, tmp_path: Path) -> None:
    network = full(seed) if seed < 4 else random_network(seed)
    save_network(network, tmp_path / "a")
    copy = load_network(tmp_path / "a")
    same(network, copy)
    save_network(copy, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def smaller(seed: int = 0) -> CoreNetwork:
    """A network of cores of 64 axons and 50 neurons, with delays up to 3 and weights up to 9."""
    network = random_network(seed)
    cores = network.cores
    cores.crossbar[:, 64:], cores.crossbar[..., 6:], cores.weights[:, 50:] = 0, 0, 0
    cores.weights[...] = np.clip(cores.weights, -9, 9)
    cores.weights[0, 3, 2], cores.threshold[0, 7] = -9, 511
    cores.target_core[:, 50:] = -1
    cores.target_axon[cores.target_core >= 0] %= 64
    cores.delay[...] = np.minimum(cores.delay, 3)
    cores.threshold[...], cores.floor[...] = cores.threshold % 512, cores.floor % 512
    inputs = tuple(replace(t, axon=t.axon % 64) for t in network.inputs)
    populations = tuple(replace(p, slot=p.slot % 50, line=p.line) for p in network.populations)
    crossbar = replace(WHOLE, axons=64, neurons=50, max_delay=3, weight_max=9, threshold_bits=9)
    return replace(network, inputs=inputs, populations=populations, crossbar=crossbar)


def test_smaller_cores_are_kept_and_checked(tmp_path: Path) -> None:
    network = smaller()
    most = {key: int(amounts.max()) for key, amounts in extents(network).items()}
    assert 48 <= most.pop("core.neurons") <= 50
    assert {k: most[k] for k in ("core.axons", "core.max_delay", "neuron.weight_max",
                                 "neuron.threshold_bits")} == {
        "core.axons": 64, "core.max_delay": 3, "neuron.weight_max": 9, "neuron.threshold_bits": 9}
    save_network(network, tmp_path / "a")
    same(network, load_network(tmp_path / "a"))
    changes = [("weights", (1, 3, 0), 10), ("leak", (0, 0), 256), ("threshold", (0, 1), 512),
               ("floor", (0, 49), 512), ("crossbar", (0, 64, 0), 1), ("crossbar", (0, 5, 6), 4),
               ("target_core", (0, 50), 0)]
    for name, at, number in changes:
        array = getattr(network.cores, name).copy()
        array[at] = number
        spoilt = replace(network, cores=replace(network.cores, **{name: array}))
        with pytest.raises(FindingsError, match="NC613"):
            save_network(spoilt, tmp_path / "b")


def test_constants_take_no_room(tmp_path: Path) -> None:
    network = random_network(0)
    plain = replace(network.cores, **{
        name: np.zeros_like(getattr(network.cores, name))
        for name in LAYOUTS if name not in ("crossbar", "axon_types", "weights")})
    plain = replace(plain, delay=plain.delay + np.uint8(1))
    save_network(replace(network, cores=plain), tmp_path / "plain")
    per_core = (tmp_path / "plain").stat().st_size / len(plain)
    assert per_core < 256 * 32 + 256 + 256 * 4 * 2 + 12_000 / len(plain)
    same(load_network(tmp_path / "plain"), replace(network, cores=plain))


Change = Callable[[dict[str, Any], dict[str, Any]], object]


def with_crossbar(numbers: object) -> Change:
    return lambda m, t: m.update(crossbar=numbers)


def with_constant(name: str, value: int) -> Change:
    return lambda m, t: t.update({f"cores.{name}": np.full(
        (len(t["cores.crossbar"]), *LAYOUTS[name].shape), value, np.int32)})


METADATA: dict[str, Change] = {
    "version": lambda m, t: m.update(version=2),
    "no-version": lambda m, t: m.pop("version"),
    "unknown-key": lambda m, t: m.update(more=1),
    "ticks-text": lambda m, t: m.update(n_ticks="8"),
    "ticks-true": lambda m, t: m.update(n_ticks=True),
    "ticks-zero": lambda m, t: m.update(n_ticks=0),
    "ticks-huge": lambda m, t: m.update(n_ticks=10 ** 30),
    "ticks-product": lambda m, t: m.update(n_ticks=1 << 19, step=1 << 19),
    "reload": lambda m, t: m.update(reload=1),
    "inputs-number": lambda m, t: m.update(inputs=3),
    "inputs-more": lambda m, t: m["inputs"].append({"name": "y", "always": False}),
    "inputs-fewer": lambda m, t: m["inputs"].pop(),
    "same-name": lambda m, t: m["inputs"][0].update(name=m["inputs"][1]["name"]),
    "name-number": lambda m, t: m["populations"][0].update(name=7),
    "depth": lambda m, t: m["populations"][0].update(depth=-1),
    "places": lambda m, t: m["places"][0].append(3),
    "roles": lambda m, t: m["roles"].append("x"),
    "constant": lambda m, t: (t.pop("cores.leak"), m["constants"].update(leak=256)),
    "constant-float": lambda m, t: (t.pop("cores.leak"), m["constants"].update(leak=0.5)),
    "constant-crossbar": lambda m, t: (t.pop("cores.crossbar"), m["constants"].update(crossbar=0)),
}
METADATA |= {f"crossbar-{name}": with_crossbar(numbers)
             for name, numbers in {
    "none": {}, "number": 7, "unknown": WHOLE.to_json() | {"more": 1},
    "text": WHOLE.to_json() | {"axons": "64"}, "zero": WHOLE.to_json() | {"neurons": 0},
    "large": WHOLE.to_json() | {"axons": 257}, "less": WHOLE.to_json() | {"axons": 255},
    "no-weight": WHOLE.to_json() | {"weight_max": 1}}.items()}
TENSORS: dict[str, Change] = {
    **{f"{name}-{end}": with_constant(name, value)
       for name, end, value in (
           ("axon_types", "high", 4), ("axon_types", "wraps", 256), ("weights", "high", 256),
           ("weights", "wraps", 1 << 16), ("threshold", "low", -1), ("floor", "high", 1 << 18),
           ("reset_mode", "high", 3), ("saturate", "high", 2), ("potential", "high", 1 << 19),
           ("target_core", "high", 3), ("target_core", "low", -3), ("delay", "high", 16))},
    "axon": lambda m, t: t.update({"cores.target_axon": t["cores.target_axon"] + np.int16(256)}),
    "no-delay": lambda m, t: t.update({"cores.delay": t["cores.delay"] * np.uint8(0)}),
    "no-leak": lambda m, t: t.pop("cores.leak"),
    "fewer": lambda m, t: t.update({"cores.leak": t["cores.leak"][:0]}),
    "flat": lambda m, t: t.update({"cores.leak": t["cores.leak"].ravel()}),
    "unknown": lambda m, t: t.update({"cores.more": t["cores.leak"]}),
    "input-core": lambda m, t: t.update({"inputs.0.core": t["inputs.0.core"] + np.uint8(3)}),
    "input-length": lambda m, t: t.update({"inputs.0.core": t["inputs.0.core"][1:]}),
    "input-axon": lambda m, t: t.update({"inputs.0.axon": t["inputs.0.axon"] + np.int16(256)}),
    "slot": lambda m, t: t.update({"populations.0.slot": t["populations.0.slot"] - np.int16(256)}),
    "line": lambda m, t: t.update({"populations.0.line": t["populations.0.line"] - np.int16(2)}),
}


@pytest.mark.parametrize("name", [*METADATA, *TENSORS])
def test_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_network(full(2), path)
    file = read_tensors(path)
    tensors = {key: file.array(key) for key in file.entries}
    metadata = json.loads(file.metadata[KEY])
    (METADATA | TENSORS)[name](metadata, tensors)
    write_tensors(path, tensors, {KEY: json.dumps(metadata)})
    assert_refusal(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "[" * 100_000, '{"version":1}'])
def test_hostile_metadata_is_refused(text: str, tmp_path: Path) -> None:
    write_tensors(tmp_path / "net", {"a": np.zeros(1, np.uint8)}, {KEY: text})
    assert_refusal(tmp_path / "net")


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net"
    write_tensors(path, {"a": np.zeros(1, np.uint8)}, {})
    assert_refusal(path)
    save_network(full(), path)
    whole = path.read_bytes()
    for other in (whole[:-1], whole + b"x", whole[:100], b"PK\x03\x04" * 9, b""):
        path.write_bytes(other)
        assert_refusal(path)


def assert_refusal(path: Path) -> None:
    with pytest.raises(UsageError) as error:
        load_network(path)
    assert {d.code for d in error.value.diagnostics} == {"NC003"}
    assert all(d.message.isprintable() for d in error.value.diagnostics)


def test_networks_out_of_range_are_neither_written_nor_run(tmp_path: Path) -> None:
    network = random_network(0)
    require(network)
    network.cores.target_core[0, 0], network.cores.target_axon[0, 0] = 0, 256
    for run in (lambda: save_network(network, tmp_path / "net"),
                lambda: simulate(network, random_input(0, network, 1))):
        with pytest.raises(FindingsError, match=r"NC613: .*`target_axon` has the value 256"):
            run()
    network.cores.target_axon[0, 0] = 255
    require(network)
