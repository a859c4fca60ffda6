"""SpikingJelly 2.0.0, 0.0.0.0.14 and 0.0.0.0.12: every class beside its stand-in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.paths import ROOT

COUNTS = {"spikingjelly-2.0.0": "31 neurons, 4 networks",
          "spikingjelly-0.0.0.0.14": "62 neurons, 8 networks",
          "spikingjelly-0.0.0.0.12": "31 neurons, 4 networks"}


@pytest.mark.frameworks
@pytest.mark.parametrize("name", COUNTS)
def test_stand_ins_equal_their_nodes(name: str) -> None:
    """In a process of its own: versions of a package cannot share one."""
    process = subprocess.run([sys.executable, "-m", "tests.frameworks.jelly_stand_ins", name], cwd=ROOT,
                          capture_output=True, text=True, timeout=900, check=False)
    assert process.returncode == 0, process.stderr[-3000:]
    assert process.stdout.splitlines()[-1] == f"{name}: {COUNTS[name]}"
