"""The stored golden vectors are what the installed frameworks compute now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.frameworks.frameworks import FRAMEWORKS
from tests.frameworks.golden import FOLDER, load
from tests.paths import ROOT


def test_every_framework_version_has_a_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.npz")} == set(FRAMEWORKS)


@pytest.mark.frameworks
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_recording_again_gives_the_stored_numbers(name: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "tests.frameworks.record", "--out", str(tmp_path), name],
                   check=True, capture_output=True, cwd=ROOT)
    recording, again = load(FOLDER / f"{name}.npz"), load(tmp_path / f"{name}.npz")
    assert [case.name for case in recording] == [case.name for case in again]
    for a, b in zip(recording, again, strict=True):
        assert a.block == b.block
        assert a.constants.keys() == b.constants.keys()
        assert all(np.array_equal(a.constants[k], b.constants[k]) for k in a.constants)
        assert a.arrays.keys() == b.arrays.keys()
        assert all(np.array_equal(a.arrays[k], b.arrays[k]) for k in a.arrays), a.name
