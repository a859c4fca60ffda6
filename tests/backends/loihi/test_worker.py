"""The worker: whatever a program does, an error comes back and no process stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.worker import Job, run_program
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.ir.network import Bias, Network, Population
from neurocompile.ir.schedule import Schedule
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget

ADVANCE = "        self.subthr_dynamics(activation_in=received)\n"


@pytest.fixture
def program(tmp_path: Path, loihi2: LoihiTarget) -> Path:
    """One population with a neuron model of our own, driven by its bias."""
    import numpy as np

    neuron = LoihiNeuron(4095, 0, 10, Reset.SOFT, 10)
    network = Network((), (Population("n", (3,), neuron, Bias(np.array([100, 200, 300]), 1)),),
                      (), (), 5)
    emit(network, Schedule({"n": 0}, 5), loihi2, tmp_path / "program")
    return tmp_path / "program"


def sabotage(program: Path, line: str) -> None:
    """Make the neuron model do something else in step 3."""
    file = program / "processes" / "neurons.py"
    text = file.read_text()
    assert ADVANCE in text
    file.write_text(text.replace(ADVANCE, f"        if self.time_step == 3:\n            {line}\n"
                                 + ADVANCE, 1))


def left_over(program: Path) -> list[str]:
    """Processes that still run this program."""
    processes = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if os.fsencode(program) in command:
            processes.append(entry.parent.name)
    return processes


@pytest.mark.lava
def test_a_failing_model_is_shown(program: Path, tmp_path: Path) -> None:
    sabotage(program, "import sys; raise RuntimeError('torch' in sys.modules)")
    start = time.monotonic()
    with pytest.raises(FindingsError) as error:
        run_program(Job(program, tmp_path / "out", limit=60))
    assert time.monotonic() - start < 30
    finding = error.value.diagnostics[0]
    assert finding.code == "NC603"
    assert finding.values["reason"] == "RuntimeError: False"  # and torch is not loaded
    assert any('neurons.py", line' in line for line in finding.notes)
    assert "RuntimeError: False" in (tmp_path / "out" / "lava.log").read_text()
    assert left_over(program) == []


@pytest.mark.lava
def test_a_killed_model_is_noticed(program: Path, tmp_path: Path) -> None:
    sabotage(program, "import os; os.kill(os.getpid(), 9)")
    start = time.monotonic()
    with pytest.raises(FindingsError, match=r"NC603.*signal 9"):
        run_program(Job(program, tmp_path / "out", limit=60))
    assert time.monotonic() - start < 30
    assert left_over(program) == []


@pytest.mark.lava
def test_a_hanging_model_is_stopped(program: Path, tmp_path: Path) -> None:
    sabotage(program, "import time; time.sleep(1000)")
    with pytest.raises(FindingsError, match=r"NC604.*8 s"):
        run_program(Job(program, tmp_path / "out", limit=8.0))
    assert left_over(program) == []


def test_names_what_is_missing(program: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"NC007.*nowhere/python"):
        run_program(Job(program, tmp_path / "out", lava_python="/nowhere/python"))
    bare = tmp_path / "bare-python"
    bare.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'lava'\" >&2\nexit 1\n")
    bare.chmod(0o755)
    with pytest.raises(UsageError, match=r"NC602.*lava-nc") as error:
        run_program(Job(program, tmp_path / "out", lava_python=str(bare)))
    assert "--no-deps" in error.value.diagnostics[0].help


def test_wrong_input_is_an_error(program: Path, tmp_path: Path) -> None:
    (program / "network.json").write_text('{"arrays": {"spikes_i000": [5, 2]}}')
    with pytest.raises((FindingsError, UsageError), match="NC60"):
        run_program(Job(program, tmp_path / "out", limit=30))
