"""The .net file: netx builds exactly the network, or there is no file and a reason."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurocompile.backends.loihi import emit as emit_module
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.net_chain import net_chain, netx_keeps
from neurocompile.backends.results import Reference
from neurocompile.formats.net.layers import NetFile
from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Array, Conv, Dense
from neurocompile.ir.schedule import Schedule
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget
from tests.backends.loihi.conftest import Case

TICKS = 7


def even(rng: np.random.Generator, *shape: int, scale: float = 30) -> Array:
    return 2 * np.rint(rng.normal(0, scale, shape)).astype(np.int32).clip(-128, 127)


def image_chain() -> tuple[Network, Schedule, dict[str, Array]]:
    """image -> encoder -> conv -> conv -> dense -> dense."""
    rng = np.random.default_rng(3)
    image = Input("image", (2, 6, 5), InputKind.STATIC)
    populations = (
        Population("pixels", (2, 6, 5), LoihiNeuron(4095, 512, 150)),
        Population("conv", (4, 3, 5), LoihiNeuron(1000, 300, 120), Bias(rng.integers(
            -40, 50, 60), 6)),
        Population("conv2", (3, 2, 3), LoihiNeuron(4095, 0, 90)),
        Population("dense", (12,), LoihiNeuron(4095, 100, 80), Bias(rng.integers(-5, 9, 12), 7)),
        Population("out", (8,), LoihiNeuron(4095, 0, 60)))
    projections = (
        Projection("pixels", "conv", Conv((2, 6, 5), (4, 3, 5), even(rng, 4, 2, 3, 3), (2, 1),
                                          (1, 1))),
        Projection("conv", "conv2", Conv((4, 3, 5), (3, 2, 3), even(rng, 3, 4, 2, 3)), exponent=1),
        Projection("conv2", "dense", Dense((3, 2, 3), (12,), even(rng, 12, 18))),
        Projection("dense", "out", Dense((12,), (8,), even(rng, 8, 12, scale=10)), exponent=2))
    encoder = Encoder(
        target="pixels",
        terms=(("image", Dense((2, 6, 5), (2, 6, 5), rng.integers(-30, 60, (60, 60)))),),
        offset=rng.integers(-5, 5, 60), input_shift=6, output_shift=7, exponent=5, low=-4095,
        high=4095)
    network = Network((image,), populations, projections, (), TICKS, (encoder,))
    depth = {"image": 0} | {p.name: i for i, p in enumerate(populations)}
    return network, Schedule(depth, TICKS), {"image": rng.random((1, 2, 6, 5))}


def spike_chain() -> tuple[Network, Schedule, dict[str, Array]]:
    """Spike frames -> conv -> dense."""
    rng = np.random.default_rng(4)
    frames = Input("frames", (2, 4, 6), InputKind.SPIKES)
    network = Network(
        (frames,),
        (Population("conv", (3, 4, 3), LoihiNeuron(4095, 0, 90)),
         Population("out", (5,), LoihiNeuron(4095, 0, 60))),
        (Projection("frames", "conv", Conv((2, 4, 6), (3, 4, 3), even(rng, 3, 2, 3, 2), (1, 2),
                                           (1, 0))),
         Projection("conv", "out", Dense((3, 4, 3), (5,), even(rng, 5, 36)))),
        (), TICKS)
    inputs = {"frames": rng.integers(0, 2, (1, TICKS, 2, 4, 6))}
    return network, Schedule({"frames": 0, "conv": 1, "out": 2}, TICKS), inputs


def run_netx(net: Path, arrays: dict[str, Array], folder: Path) -> list[Array]:
    """Spikes [steps, neurons] of each layer."""
    program = Path(emit_module.__file__).parent / "program"
    for file in (Path(__file__).parent / "netx_run.py", program / "lavacompat.py",
                 program / "lavacrash.py"):
        shutil.copy(file, folder)
    np.savez(folder / "inputs.npz", allow_pickle=False, **arrays)
    subprocess.run([sys.executable, "-B", str(folder / "netx_run.py"), str(net),
                    str(folder / "inputs.npz"), str(folder / "spikes.npz")],
                   check=True, timeout=60, stdin=subprocess.DEVNULL)
    with np.load(folder / "spikes.npz") as file:
        return [file[f"arr_{i}"] for i in range(len(file.files) - 1)]


@pytest.mark.lava
@pytest.mark.parametrize("make", [image_chain, spike_chain])
def test_netx_runs_the_same_network(
        make: Callable[[], tuple[Network, Schedule, dict[str, Array]]], tmp_path: Path,
        loihi2: LoihiTarget, simulate: Callable[[Network, dict[str, Array]], Reference]) -> None:
    network, schedule, inputs = make()
    emission = emit(network, schedule, loihi2, tmp_path / "program")
    assert emission.diagnostics == ()
    reference = simulate(network, inputs)
    first = schedule.depth[network.populations[0].name]
    arrays: dict[str, Array] = {"ticks": np.array(TICKS), "first": np.array(first),
                               "steps": np.array(TICKS + schedule.latency)}
    if network.encoders:
        arrays["bias"] = network.encoders[0].mantissas(inputs)[0]
        arrays["bias_exp"] = np.array(network.encoders[0].exponent)
    else:
        arrays["spikes"] = inputs["frames"][0]
    readme = (tmp_path / "program" / "README.md").read_text()
    assert f"reset_interval={TICKS}, reset_offset={first})" in readme
    (tmp_path / "netx").mkdir()
    layers = run_netx(tmp_path / "program" / "network.net", arrays, tmp_path / "netx")
    for population, spikes in zip(network.populations, layers, strict=True):
        depth = schedule.depth[population.name]
        expected = reference.spikes[population.name][0]
        assert 0 < expected.sum() < expected.size, population.name
        np.testing.assert_array_equal(spikes[depth:depth + TICKS], expected, population.name)


@pytest.mark.parametrize(("weights", "exact"), [
    ([[0, 0]], False),
    ([[0, 300]], False),
    ([[-300, -2]], False),
    ([[-8, -4]], False),
    ([[-256, -2]], False),
    ([[0, -1]], False),
    ([[129, -2]], False),  # odd and large beside a negative one: nine bits
    ([[-256, 254]], True),
    ([[-6, 4], [0, 2]], True),
    ([[3, 255]], True),
    ([[-6, -2]], True),
    ([[-3, 0]], True),
])
def test_knows_what_netx_does_to_weights(weights: list[list[int]], exact: bool) -> None:
    assert netx_keeps(np.array(weights)) is exact


def test_says_why_there_is_no_file(tmp_path: Path, zoo: Case, loihi2: LoihiTarget) -> None:
    network, schedule, _ = image_chain()

    def reason(**changes: Any) -> str:
        text = net_chain(dataclasses.replace(network, **changes), schedule)
        assert isinstance(text, str)
        return text

    first, *rest = network.populations
    assert "runs on the host" in reason(populations=(dataclasses.replace(first, on_host=True),
                                                     *rest))
    soft = dataclasses.replace(first, neuron=LoihiNeuron(4095, 0, 9, Reset.SOFT, 9))
    assert "pixels resets soft" in reason(populations=(soft, *rest))
    small = dataclasses.replace(rest[0], bias=Bias(np.array([1]), 0))
    assert "no 13-bit multiple of 64" in reason(populations=(first, small, *rest[1:]))
    skip = Projection("conv2", "out", Dense((18,), (8,), np.full((8, 18), 2, np.int32)))
    assert "no chain" in reason(projections=(*network.projections, skip))
    wide = dataclasses.replace(network.projections[3], exponent=7)
    assert "changes the weights into out" in reason(
        projections=(*network.projections[:3], wide))
    assert reason(encoders=()) == "the first population has no input"
    assert "runs on the host" in str(net_chain(zoo.network, zoo.schedule))
    assert isinstance(net_chain(network, schedule), NetFile)
    path = tmp_path / "network.net"
    emit(network, schedule, loihi2, tmp_path)
    assert path.exists()
    emit(dataclasses.replace(network, encoders=()), schedule, loihi2, tmp_path)
    assert not path.exists()
