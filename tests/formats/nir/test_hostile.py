"""Hostile .nir files: refused by code, soon, in little memory, with nothing else touched."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurocompile.diagnostics import FindingsError, NeurocompileError, UsageError
from neurocompile.formats.nir.file import load_nir
from neurocompile.formats.nir.load import read_network
from neurocompile.formats.nir.options import NirOptions
from tests.formats.nir import hostile

OPTIONS = NirOptions(producer="nir", dt=1e-4, reset="hard", discretization="euler")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB


def test_the_file_that_all_cases_change_is_read(tmp_path: Path) -> None:
    hostile.write(tmp_path / "x.nir")
    network = read_network(tmp_path / "x.nir", OPTIONS)
    assert network.inputs == {"in": (4,)}
    assert not network.static


@pytest.mark.parametrize("name", hostile.CASES)
def test_hostile_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, code = hostile.CASES[name]
    make(tmp_path / "x.nir")
    monkeypatch.chdir(tmp_path)
    before, start = _peak(), time.process_time()
    with pytest.raises(NeurocompileError) as error:
        read_network(Path("x.nir"), OPTIONS)
    assert [d.code for d in error.value.diagnostics] == [code]
    assert error.value.exit_code == (1 if code == "NC504" else 2)
    assert time.process_time() - start < 5
    assert _peak() - before < 200_000
    assert [p.name for p in tmp_path.iterdir()] == ["x.nir"]
    assert all(d.message.isprintable() for d in error.value.diagnostics)


def test_nan_is_named_with_node_and_index(tmp_path: Path) -> None:
    hostile.CASES["nan-weight"][0](tmp_path / "x.nir")
    with pytest.raises(UsageError, match=r"`fc.weight` holds 1 values.*\(1, 2\)"):
        load_nir(tmp_path / "x.nir")


def test_the_cycle_is_named(tmp_path: Path) -> None:
    hostile.CASES["cycle-without-neuron"][0](tmp_path / "x.nir")
    with pytest.raises(FindingsError, match=r"a -> b -> a|b -> a -> b"):
        read_network(tmp_path / "x.nir", OPTIONS)


@pytest.mark.parametrize("packing", [
    {}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True}, {"shuffle": True},
    {"chunks": (2, 3)}, {"chunks": (2, 3), "compression": "gzip", "shuffle": True}])
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<i2", "<u8", "<f2"])
def test_packed_arrays_are_what_h5py_reads(packing: dict[str, object], kind: str,
                                           tmp_path: Path) -> None:
    weight = np.random.default_rng(0).integers(0, 100, (3, 4)).astype(kind)

    def change(file: h5py.File) -> None:
        del file["node/nodes/fc/weight"]
        file.create_dataset("node/nodes/fc/weight", data=weight, **packing)
    hostile.write(tmp_path / "x.nir", change)
    array = load_nir(tmp_path / "x.nir").graph.nodes["fc"].weight
    assert array.dtype == (np.float32 if kind[1:] == "f4" else np.float64)
    assert np.array_equal(array, weight)


@pytest.mark.slow
def test_flipped_bytes_never_crash_or_hang(tmp_path: Path) -> None:
    """In a process of its own: the HDF5 library is C."""
    hostile.write(tmp_path / "x.nir")
    (tmp_path / "fuzz.py").write_text(_FUZZ)
    process = subprocess.run(
        [sys.executable, str(tmp_path / "fuzz.py"), str(tmp_path / "x.nir"),
         str(random.Random(0).randrange(1 << 30)), "1500"],
        capture_output=True, text=True, timeout=600, check=False)
    assert process.returncode == 0, process.stderr[-2000:]
    read, refusals = (int(n) for n in process.stdout.split())
    assert read > 100
    assert refusals > 100


_FUZZ = """
import random, sys
from pathlib import Path
from neurocompile.formats.nir.load import read_network
from neurocompile.formats.nir.options import NirOptions
from neurocompile.diagnostics import NeurocompileError

path = Path(sys.argv[1])
options = NirOptions(producer="nir", dt=1e-4, reset="hard", discretization="euler")
rng = random.Random(int(sys.argv[2]))
good = path.read_bytes()
read = refused = 0
for _ in range(int(sys.argv[3])):
    data = bytearray(good)
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    path.write_bytes(data)
    try:
        read_network(path, options)
        read += 1
    except NeurocompileError:
        refused += 1
print(read, refused)
"""
