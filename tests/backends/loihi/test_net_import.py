"""A `.net` file and what is built from it run alike: lava-dl's netx, our Lava program, the reference.

netx does not connect its input to an input layer with neurons: their bias mantissas are set, here
as our encoder computes them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.families.compilation import Compilation
from neurocompile.formats.load import load_model
from neurocompile.formats.request import Request
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.target.loihi import LoihiTarget
from tests.formats.net.net_files import MAKERS, file_of_lava, write
from tests.loihi import compile_for_loihi


def runnable(source: Path, path: Path) -> Path:
    """The file as netx reads it with NumPy from 2.4 on: scalars of shape (1,) become scalars."""
    with h5py.File(source) as old, h5py.File(path, "w") as new:
        old.copy("layer", new)
        for name in ("weight", "bias"):
            if name in new["layer/0"] and new[f"layer/0/{name}"].shape == (1,):
                value = new[f"layer/0/{name}"][0]
                del new[f"layer/0/{name}"]
                new[f"layer/0/{name}"] = value
    return path


def in_netx(source: Path, result: Compilation, x: Array, folder: Path) -> dict[str, Array]:
    """What each layer that netx builds sends and, in the last step, its v, for one sample."""
    from neurocompile.backends.loihi import emit as emit_module

    network, layers = result.network, [p.name for p in result.network.populations]
    arrays: dict[str, Array] = {"ticks": np.array(network.n_ticks)}
    if network.encoders:
        arrays["bias"] = network.encoders[0].mantissas({network.encoders[0].sources[0]: x})[0]
        arrays["bias_exp"] = np.array(network.encoders[0].exponent)
    else:
        arrays["spikes"] = x[0]
    arrays["first"] = np.array(0 if network.encoders else 1)
    arrays["steps"] = np.array(network.n_ticks + len(layers) + 1 - len(network.encoders))
    folder.mkdir()
    for file in (Path(__file__).parent / "netx_run.py",
                 *(Path(emit_module.__file__).parent / "program").glob("lava*.py")):
        (folder / file.name).write_text(file.read_text())
    np.savez(folder / "inputs.npz", allow_pickle=False, **arrays)
    subprocess.run([sys.executable, "-B", str(folder / "netx_run.py"),
                    str(runnable(source, folder / "file.net")), str(folder / "inputs.npz"),
                    str(folder / "out.npz")], check=True, timeout=120, stdin=subprocess.DEVNULL)
    with np.load(folder / "out.npz") as file:
        return dict(file)


def compare(source: Path, tmp_path: Path, target: LoihiTarget, rate: float = 0.4, **request: object
             ) -> tuple[Compilation, dict[str, Array], Array]:
    """Build and run everywhere on one random sample; all spikes of all layers are equal."""
    capture = load_model(Request(spec=str(source), **request))  # type: ignore[arg-type]
    result = compile_for_loihi(capture.graph, target, Options())
    network, schedule = result.network, result.schedule
    item, = network.inputs
    rng = np.random.default_rng(11)
    static = bool(network.encoders)
    x = rng.random((1, *(() if static else (network.n_ticks,)), *item.shape))
    x = x if static else (x < rate).astype(float)
    reference = synchronous.run(network, {item.name: x}, record_state=True)
    emission = emit(network, schedule, target, tmp_path / "program")
    assert [d for d in emission.diagnostics if d.level.name == "ERROR"] == []
    verification = verify(tmp_path / "program", network, schedule, {item.name: x}, reference)
    assert verification.differences == 0
    layers = in_netx(source, result, x, tmp_path / "netx")
    for number, population in enumerate(network.populations):
        depth = number if static else number + 1
        expected = reference.spikes[population.name][0]
        spikes = layers[f"arr_{number}"][depth:depth + network.n_ticks]
        assert expected.any(), population.name
        np.testing.assert_array_equal(spikes, expected, population.name)
    return result, layers, x


QUICK = ("mixed", "pictured")  # of the kinds of layers: with most of them


@pytest.mark.lava
@pytest.mark.parametrize("name", [pytest.param("mnist.net", marks=pytest.mark.slow), "tiny.net"])
def test_shipped_files(name: str, tmp_path: Path, loihi2: LoihiTarget) -> None:
    """All layers; of mnist.net's last one, which never spikes, what is read of it."""
    result, layers, x = compare(file_of_lava(name), tmp_path, loihi2)
    item, = result.network.inputs
    read, = synchronous.outputs(result.network, {item.name: x}).values()
    if name == "mnist.net":
        assert np.array_equal(layers["v"] / 64, read[0])
        assert np.count_nonzero(read) == 10


@pytest.mark.lava
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in MAKERS])
def test_every_kind_of_layer(name: str, tmp_path: Path, loihi2: LoihiTarget) -> None:
    compare(write(tmp_path / "x.net", MAKERS[name]()), tmp_path, loihi2)
