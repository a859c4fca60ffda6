"""RANC's JSON: out and in again, what it cannot express (NC611), its timing by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurocompile.backends.truenorth.ranc import canonical, output_rows, write_ranc
from neurocompile.backends.truenorth.ranc_import import BUS, PACKETS, read_ranc
from neurocompile.backends.truenorth.results import Probes
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.ir.mapping import CoreId
from neurocompile.passes.truenorth.core_network import NOWHERE, OUTPUT, CoreNetwork
from neurocompile.semantics.truenorth import FLOOR_MAX
from tests.backends.truenorth.random_cores import random_input, random_network
from tests.backends.truenorth.test_network_file import same, smaller
from tests.paths import GOLDEN

GOLDEN = GOLDEN / "ranc"
RAW = Probes(raster=True, raster_potentials=True)


def expressible(seed: int) -> CoreNetwork:
    """A random network without what RANC lacks: a third of the floors saturate and are never met,
    a third are mirrored, a third are thresholds."""
    network = random_network(3 * seed)
    cores, rng = network.cores, np.random.default_rng(seed)
    kind = rng.integers(0, 3, cores.floor.shape)
    normal = kind == 1
    reset_mode = np.where(normal, 0, cores.reset_mode % 2).astype(np.uint8)
    reset_value = np.where(normal, cores.floor % 1000, cores.reset_value).astype(np.int32)
    floor = np.where(normal, reset_value, np.where(kind == 0, FLOOR_MAX, cores.floor))
    without = replace(
        cores, reset_mode=reset_mode, reset_value=reset_value, floor=floor.astype(np.int32),
        saturate=kind < 2, leak_reversal=np.zeros_like(cores.saturate),
        potential=(cores.potential % 50).astype(np.int32))
    return replace(network, cores=without, roles=tuple("x" for _ in range(len(cores))))


@pytest.mark.parametrize("seed", range(6))
def test_out_and_in_again_is_the_same_network(seed: int, tmp_path: Path) -> None:
    network = expressible(seed)
    if seed % 2:
        places = tuple(CoreId(0, 5 - k, k % 2) for k in range(len(network.cores)))
        network = replace(network, places=places)
    inputs = random_input(seed, network, 1)
    write_ranc(network, tmp_path / "net.json", tmp_path / "config.json", inputs)
    copy, packets = read_ranc(tmp_path / "net.json")
    same(canonical(network), copy)
    write_ranc(copy, tmp_path / "again.json", tmp_path / "config.json", packets)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "net.json").read_bytes()
    one, other = simulate(network, inputs, probes=RAW), simulate(copy, packets, probes=RAW)
    assert one.raster is not None
    assert one.raster.any()
    np.testing.assert_array_equal(one.raster, other.raster)
    np.testing.assert_array_equal(one.raster_potentials, other.raster_potentials)


def test_smaller_cores_go_out_and_in_again(tmp_path: Path) -> None:
    """RANC is told the size of a core; floors that are never met are this core's own."""
    network = smaller()
    cores = network.cores
    cores.floor[...] = np.where(cores.saturate, 511, 0)
    cores.reset_value[...], cores.potential[...], cores.leak[...] = 0, 0, 0
    cores.weights[...] = cores.weights // 9
    cores.weights[:, :, 3] = 0
    cores.axon_types[...] %= 3
    plain = replace(cores, reset_mode=cores.reset_mode % 2, saturate=np.ones_like(cores.saturate),
                    leak_reversal=np.zeros_like(cores.saturate), weights=np.abs(cores.weights))
    network = replace(network, cores=plain, crossbar=replace(network.crossbar, axon_types=3))
    write_ranc(network, tmp_path / "net.json", tmp_path / "config.json")
    config = json.loads((tmp_path / "config.json").read_bytes())
    assert [config[f"num_{name}"] for name in ("neurons", "axons", "weights")] == [50, 64, 3]
    assert config["max_tick_offset"] == 4
    core, = {len(neuron["weights"]) for core in json.loads(
        (tmp_path / "net.json").read_bytes())["cores"] for neuron in core["neurons"]}
    assert core == 3
    again, _ = read_ranc(tmp_path / "net.json")
    same(canonical(network), again)
    assert again.cores.floor.max() == 511


Spoil = Callable[[CoreNetwork], object]
SPOILS: dict[str, Spoil] = {
    "neurons without reset": lambda n: n.cores.reset_mode.__setitem__((0, 7), 2),
    "floors at which": lambda n: (n.cores.saturate.__setitem__((0, 7), True),
                                  n.cores.floor.__setitem__((0, 7), 3),
                                  n.cores.leak.__setitem__((0, 7), -4),
                                  n.cores.reset_mode.__setitem__((0, 7), 1)),
    "leak reversal": lambda n: n.cores.leak_reversal.__setitem__((0, 7), True),
    "random synapses": lambda n: n.cores.random_synapse.__setitem__((0, 7, 2), True),
    "random leaks": lambda n: n.cores.random_leak.__setitem__((0, 7), True),
    "thresholds with noise": lambda n: n.cores.threshold_mask.__setitem__((0, 7), 1),
    "20 bits": lambda n: (n.cores.potential.__setitem__((0, 7), (1 << 19) - 1),
                          n.cores.leak.__setitem__((0, 7), 1)),
}


@pytest.mark.parametrize("what", SPOILS)
def test_what_ranc_cannot_express_is_refused_by_name(what: str, tmp_path: Path) -> None:
    network = expressible(1)
    write_ranc(network, tmp_path / "net.json", tmp_path / "config.json")
    SPOILS[what](network)
    with pytest.raises(FindingsError) as error:
        write_ranc(network, tmp_path / "other.json", tmp_path / "config.json")
    finding, = error.value.diagnostics
    assert finding.code == "NC611"
    assert what in finding.message
    assert "1 in all, first at core 0, neuron 7" in finding.message
    assert not (tmp_path / "other.json").exists()


def hand_written() -> dict[str, Any]:
    """Two cores in a row and the bus beside them, lists as short as RANC takes them.

    Core 0: axon 3 drives neurons 0 and 1, a relay to core 1 (delay 2 of RANC) and one to the bus.
    Core 1: neuron 0 counts to 2 with weight 1 and linear reset; neuron 1 leaks 1 a tick.
    """
    def neuron(to: tuple[int, int], axon: int, later: int, **more: int) -> dict[str, Any]:
        return {"reset_potential": 0, "weights": [1, 0], "leak": 0, "positive_threshold": 1,
                "negative_threshold": 0, "destination_core_offset": list(to),
                "destination_axon": axon, "destination_tick": later, "current_potential": 0,
                "reset_mode": 0} | more

    def packet(later: int) -> dict[str, Any]:
        return {"destination_core": [0, 0], "destination_axon": 3, "destination_tick": later}
    return {
        "packets": [[packet(0), packet(2)], [], [packet(0)], [packet(1)]],
        "output_bus": {"coordinates": [2, 0], "num_outputs": 3},
        "cores": [
            {"coordinates": [0, 0], "axons": [0, 0, 0, 0], "connections": [[0, 0, 0, 1]] * 2,
             "neurons": [neuron((1, 0), 5, 2), neuron((2, 0), 0, 0)]},
            {"coordinates": [1, 0], "axons": [], "connections": [[0] * 5 + [1], []],
             "neurons": [neuron((1, 0), 1, 9, positive_threshold=2, reset_mode=1,
                                negative_threshold=-1_000_000),
                         neuron((1, 0), 2, 0, leak=1, positive_threshold=6)]}]}


def test_timing_and_rows_by_hand(tmp_path: Path) -> None:
    """Packets reach ticks 0, 2 (twice, but one spike) and 4. A relay's spike of tick t is
    integrated in t + 3: the counter gets 3, 5 and 7, and fires in 5. The leak fires in 5, 11, ..."""
    path = tmp_path / "net.json"
    path.write_text(json.dumps(hand_written()))
    network, inputs = read_ranc(path)
    assert inputs[PACKETS][0, :, 0].tolist() == [1, 0, 1, 0, 1]
    longer = replace(network, n_ticks=13)
    result = simulate(longer, {PACKETS: np.pad(inputs[PACKETS], ((0, 0), (0, 8), (0, 0)))},
                     probes=Probes(potentials=(BUS,), raster=True))
    lines = {line: result.spikes[BUS][0, :, k].nonzero()[0].tolist()
             for k, line in enumerate(network.populations[0].line)}
    assert lines == {0: [0, 2, 4], 1: [5], 2: [5, 11]}
    assert result.potentials[BUS][0, :8, 1].tolist() == [0, 0, 0, 1, 1, 0, 0, 1]
    assert result.raster is not None
    text = output_rows(longer, result.raster[0])
    assert text.startswith("\ufeff0 0 0 0 \n1 0 0 0 \n0 0 0 0 \n1 0 0 0 \n")  # and what goes nowhere
    assert text.splitlines()[6] == "0 1 1 0 "
    assert len(text.splitlines()) == 13
    assert text.isascii() is False


def test_a_negative_threshold_below_20_bits_is_a_floor_that_is_never_met(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(json.dumps(hand_written()))
    cores = read_ranc(tmp_path / "net.json")[0].cores
    assert (cores.floor[1, 0], cores.saturate[1, 0]) == (FLOOR_MAX, True)
    assert (cores.floor[0, 0], cores.saturate[0, 0]) == (0, True)  # its mirror image is the floor
    assert cores.target_core[0, :3].tolist() == [1, OUTPUT, NOWHERE]
    assert cores.delay[0, :2].tolist() == [3, 1]


def golden_network() -> tuple[CoreNetwork, dict[str, np.ndarray[Any, Any]]]:
    """The hand-written network with tables of its own: what goes nowhere, a named population."""
    path = GOLDEN / "hand.json"
    network, inputs = read_ranc(path)
    network.cores.target_core[1, 1] = NOWHERE
    return network, inputs


def test_golden_files(tmp_path: Path) -> None:
    assert json.loads((GOLDEN / "hand.json").read_text()) == hand_written()
    network, inputs = golden_network()
    write_ranc(network, tmp_path / "net.json", tmp_path / "config.json", inputs)
    for name in ("net.json", "config.json"):
        assert (tmp_path / name).read_text() == (GOLDEN / name).read_text(), name
    raster = simulate(network, inputs, probes=RAW).raster
    assert raster is not None
    assert output_rows(network, raster[0]) == (GOLDEN / "output.txt").read_text(encoding="utf-8")


Change = Callable[[dict[str, Any]], object]
HOSTILE: dict[str, Change] = {
    "no-cores": lambda d: d.pop("cores"),
    "cores-number": lambda d: d.update(cores=3),
    "same-cell": lambda d: d["cores"][1].update(coordinates=[0, 0]),
    "bus-on-core": lambda d: d["output_bus"].update(coordinates=[1, 0]),
    "cell": lambda d: d["cores"][1].update(coordinates=[1, 0, 0]),
    "cell-float": lambda d: d["cores"][1].update(coordinates=[1.0, 0]),
    "no-target": lambda d: d["cores"][0]["neurons"][0].update(destination_core_offset=[7, 0]),
    "old-key": lambda d: d["cores"][0]["neurons"][0].pop("destination_core_offset"),
    "axon": lambda d: d["cores"][0]["neurons"][0].update(destination_axon=256),
    "tick-15": lambda d: d["cores"][0]["neurons"][0].update(destination_tick=15),
    "tick-early": lambda d: d["cores"][0]["neurons"][0].update(destination_tick=-1),
    "packet-tick": lambda d: d["packets"][0][0].update(destination_tick=15),
    "packet-core": lambda d: d["packets"][0][0].update(destination_core=[5, 5]),
    "packet-axon": lambda d: d["packets"][0][0].update(destination_axon=256),
    "weight": lambda d: d["cores"][0]["neurons"][0].update(weights=[256]),
    "weight-huge": lambda d: d["cores"][0]["neurons"][0].update(weights=[10 ** 40]),
    "weights-5": lambda d: d["cores"][0]["neurons"][0].update(weights=[1] * 5),
    "reset-mode": lambda d: d["cores"][0]["neurons"][0].update(reset_mode=2),
    "positive-floor": lambda d: d["cores"][0]["neurons"][0].update(negative_threshold=5),
    "threshold": lambda d: d["cores"][0]["neurons"][0].update(positive_threshold=-1),
    "type": lambda d: d["cores"][0].update(axons=[4]),
    "axons-257": lambda d: d["cores"][0].update(axons=[0] * 257),
    "neurons-257": lambda d: d["cores"][0].update(neurons=d["cores"][0]["neurons"][:1] * 257),
    "connection": lambda d: d["cores"][0].update(connections=[[2]]),
    "connection-true": lambda d: d["cores"][0].update(connections=[[True]]),
    "tables": lambda d: d.update(neurocompile={"version": 1}),
    "tables-text": lambda d: d.update(neurocompile="x"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    document = hand_written()
    HOSTILE[name](document)
    (tmp_path / "net.json").write_text(json.dumps(document))
    with pytest.raises(UsageError, match="NC003"):
        read_ranc(tmp_path / "net.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\x00"])
def test_no_json_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(UsageError, match="NC003"):
        read_ranc(tmp_path / "net.json")


def test_a_file_that_asks_for_too_much_is_refused(tmp_path: Path) -> None:
    network = expressible(1)
    write_ranc(network, tmp_path / "net.json", tmp_path / "config.json")
    document = json.loads((tmp_path / "net.json").read_text())
    document["neurocompile"].update(n_ticks=1 << 18, step=1)
    document["neurocompile"]["tables"]["inputs.0.element"][0] = 1 << 20
    (tmp_path / "net.json").write_text(json.dumps(document))
    with pytest.raises(UsageError, match="NC004"):
        read_ranc(tmp_path / "net.json")
