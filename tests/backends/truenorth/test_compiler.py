"""The kernel in C: portable and native builds agree; without a compiler it says so (NC612)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurocompile.backends.truenorth import compiler
from neurocompile.backends.truenorth.engine import CompiledEngine, CoreActivity
from neurocompile.backends.truenorth.program import Program
from neurocompile.backends.truenorth.results import Probes
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.diagnostics import UsageError
from neurocompile.passes.truenorth.core_network import InputTable
from tests.backends.truenorth.random_cores import random_input, random_network

HAS_COMPILER = any(shutil.which(name) for name in compiler.COMPILERS)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "neurocompile"


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    network = random_network(0)
    with pytest.raises(UsageError) as error:
        simulate(network, random_input(0, network, 1), engine="c")
    finding, = error.value.diagnostics
    assert finding.code == "NC612"
    return finding.message


def test_no_compiler_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    assert "none of cc, gcc, clang" in refusal(monkeypatch, PATH=str(cache))
    assert "`nonesuch` (CC)" in refusal(monkeypatch, CC="nonesuch")


def test_failing_compiler_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler_file = cache.parent / "broken"
    compiler_file.write_text("#!/bin/sh\necho no such luck >&2\nexit 3\n")
    compiler_file.chmod(0o755)
    assert "failed: no such luck" in refusal(monkeypatch, CC=str(compiler_file))
    assert list(cache.iterdir()) == []


def test_unusable_cache_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made" in refusal(monkeypatch, XDG_CACHE_HOME=str(tmp_path / "file"),
                                       CC=shutil.which("true") or "true")


if HAS_COMPILER:
    def test_library_is_compiled_once(cache: Path) -> None:
        library = compiler.library()
        before = library.stat().st_mtime_ns
        assert compiler.library() == library
        assert library.stat().st_mtime_ns == before
        assert [path.name for path in cache.iterdir()] == [library.name]

    def test_kernel_of_another_version_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compiler, "_layout", lambda: 0)
        assert "another version" in refusal(monkeypatch)

    @pytest.mark.parametrize("flags", [(), compiler.NATIVE])
    def test_portable_and_native_builds_equal_numpy(flags: tuple[str, ...]) -> None:
        """Dense activity at extreme weights: 16-bit sums would overflow if they were not split."""
        rng = np.random.default_rng(0)
        for seed in range(12):
            network = random_network(seed, stochastic=seed % 3 == 0)
            cores = network.cores
            cores.weights[...] = np.where(rng.random(cores.weights.shape) < 0.9, 255, cores.weights)
            program, activity = Program.of(cores), CoreActivity.zero(len(cores))
            engine = CompiledEngine(compiler.CKernel(program, flags), program, activity, range(1),
                                    0, None, 1)
            core, axon = (x.ravel() for x in np.indices((len(cores), 256)))
            engine.inject(0, np.zeros_like(core), core, axon)
            engine.advance(0)
            everything = Probes(raster=True, raster_potentials=True)
            always = InputTable("all", np.zeros_like(core), core, axon, np.zeros_like(core), always=True)
            result = simulate(replace(network, inputs=(always,)), {}, engine="numpy",
                             probes=everything)
            assert result.raster is not None
            assert result.raster_potentials is not None
            np.testing.assert_array_equal(engine.v[0], result.raster_potentials[0, 0])
            assert activity.spikes.sum() == result.raster[0, 0].sum() > 0
