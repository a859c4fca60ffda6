"""The command line captures an unchanged model once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neurocompile.formats.cache.store import VARIABLE
from tests.paths import ROOT


@pytest.mark.slow
def test_an_example_is_captured_once(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    errors = [_export(tmp_path / f"{number}.onnx", cache, *more)
              for number, more in enumerate(([], [], ["--no-cache"]))]
    assert ["as captured before" in text for text in errors] == [False, True, False]
    assert ["conv_net:make comes from conv_net.py" in text for text in errors] == [
        True, False, True]
    assert len(list(cache.iterdir())) == 1
    files = {(tmp_path / f"{number}.onnx").read_bytes() for number in range(3)}
    assert len(files) == 1


def _export(output: Path, cache: Path, *options: str) -> str:
    process = subprocess.run(
        [sys.executable, "-m", "neurocompile", "export", "conv", "-o", str(output), *options],
        cwd=ROOT / "examples/mnist", capture_output=True, text=True, check=True,
        env={**os.environ, VARIABLE: str(cache), "PYTHONPATH": str(ROOT)})
    return process.stderr
