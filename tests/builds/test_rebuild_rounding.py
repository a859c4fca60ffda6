"""A build that was rounded on a sample is made again without it, to the byte."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neurocompile import cli
from neurocompile.array_file import read_arrays, write_arrays
from neurocompile.builds.builder import BuildResult
from neurocompile.builds.directory import Build, open_build
from neurocompile.builds.files import ROUNDING
from neurocompile.builds.rebuild import recheck, recompile
from neurocompile.diagnostics import UsageError
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import compile_for_loihi


def weights_of(network: Network) -> Array:
    return np.concatenate([p.operator.weights.reshape(-1) << p.exponent
                           for p in network.projections])


def copy_of(result: BuildResult, folder: Path) -> Build:
    """A build whose record may be changed."""
    shutil.copytree(result.path, folder)
    return open_build(folder)


def test_a_build_with_a_sample_is_rebuilt_without_it(loihi_build: BuildResult) -> None:
    build, before = open_build(loihi_build.path), loihi_build.compilation
    again = recompile(build)
    recheck(build, again)
    assert np.array_equal(weights_of(again.compilation.network), weights_of(before.network))
    nearest = compile_for_loihi(before.graph, before.target, before.options)
    assert not np.array_equal(weights_of(nearest.network), weights_of(before.network))


def test_a_record_depends_on_its_arrays_alone(loihi_build: BuildResult, tmp_path: Path) -> None:
    arrays = read_arrays(loihi_build.path / ROUNDING)
    write_arrays(tmp_path / ROUNDING, dict(reversed(arrays.items())), compress=True)
    assert (tmp_path / ROUNDING).read_bytes() == (loihi_build.path / ROUNDING).read_bytes()


def test_without_a_sample_nothing_is_recorded(unmeasured_build: BuildResult) -> None:
    assert not (unmeasured_build.path / ROUNDING).exists()
    build = open_build(unmeasured_build.path)
    recheck(build, recompile(build))


def test_without_its_record_it_is_another_program(loihi_build: BuildResult, tmp_path: Path) -> None:
    build = copy_of(loihi_build, tmp_path / "built")
    (build.folder / ROUNDING).unlink()
    with pytest.raises(UsageError, match="NC704"):
        recheck(build, recompile(build))


def shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def pickle_in(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez(stream, populations=np.array([{"a": 1}], object))


def of_another_network(path: Path) -> None:
    write_arrays(path, {**read_arrays(path), "populations": np.array(["a", "b"])})


@pytest.mark.parametrize("damage", [
    shorter, pickle_in, of_another_network, lambda path: path.write_bytes(b""),
    lambda path: path.write_text("no archive"),
    lambda path: write_arrays(path, {"x": np.zeros(3)})])
def test_a_damaged_record_is_one_finding(loihi_build: BuildResult, tmp_path: Path,
                                         damage: Callable[[Path], object]) -> None:
    build = copy_of(loihi_build, tmp_path / "built")
    damage(build.folder / ROUNDING)
    with pytest.raises(UsageError, match="NC003") as error:
        recompile(build)
    assert len(error.value.diagnostics) == 1
    assert ROUNDING in error.value.diagnostics[0].message


@pytest.mark.lava
def test_lava_runs_what_was_rounded_on_a_sample(
        build_small: Callable[..., BuildResult], small_loihi_target: LoihiTarget, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    result = build_small(small_loihi_target, tmp_path / "built")
    assert cli.run(["verify", os.fspath(result.path), "--samples", "2"]) == 0
    assert "0 differences" in capsys.readouterr().out
