"""What needs no model answers at once: nothing heavy is imported for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = {"torch", "onnx", "onnx_ir", "numba", "scipy", "numpy", "rich", "jinja2", "h5py"}
LIMIT = 0.3  # seconds of CPU, interpreter included


@pytest.mark.parametrize("command", [
    "--help", "build --help", "check --help", "explain NC405", "rules", "targets",
    "targets loihi2 --format toml", "doctor"])
def test_light_commands_import_nothing_heavy(command: str) -> None:
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "neurocompile", *command.split()],
        capture_output=True, text=True, check=True)
    lines = [line.rpartition("|")[2].strip() for line in process.stderr.splitlines()]
    assert not HEAVY.intersection(name.partition(".")[0] for name in lines)
    assert process.stdout


def test_the_package_imports_no_torch() -> None:
    code = "import sys, neurocompile; print('torch' in sys.modules, neurocompile.__version__)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.startswith("False")


@pytest.mark.parametrize("command", ["--help", "explain NC405", "rules", "targets"])
def test_light_commands_are_fast(command: str) -> None:
    best = min(_seconds(command) for _ in range(3))
    assert best < LIMIT


def _seconds(command: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, "-m", "neurocompile", *command.split()],
                   capture_output=True, check=True)
    after = os.times()
    return (after.children_user - before.children_user
            + after.children_system - before.children_system)
