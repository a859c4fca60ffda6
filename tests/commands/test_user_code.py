"""What the user's own code does to the process changes neither a result nor an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands.command_line import run

CHANGES = """
import atexit, logging, os, random, signal, sys, threading, warnings
import numpy as np
import torch

def change():
    print("to be seen", flush=True)
    os.write(1, b"by its descriptor\\n")
    logging.basicConfig(stream=sys.stdout, level=logging.DEBUG)
    logging.warning("logged")
    atexit.register(print, "at the end")
    warnings.simplefilter("error")
    os.chdir("/")
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.set_num_threads(1 + torch.get_num_threads())
    torch.use_deterministic_algorithms(True)
    torch.set_autocast_enabled("cpu", True)
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    np.seterr(all="raise")
    sys.path[:] = ["/nowhere"]
    sys.argv = ["other"]
    sys.stdin = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.close()
"""
NET = """
import os, signal, sys
from pathlib import Path
import torch
from torch import nn

class Net(nn.Module):
    after = staticmethod(lambda: None)

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)
        with torch.no_grad():
            self.fc.weight.uniform_(0.2, 1.0)

    def forward(self, x):
        v, spikes = torch.zeros(len(x), 4), []
        for _ in range(3):
            v = 0.5 * v + self.fc(x)
            s = (v > 1.0).float()
            v = v * (1 - s)
            spikes.append(s)
        self.after()
        return torch.stack(spikes).mean(0)
"""
EARLY = ("sys.exit(0)", "sys.exit('enough')", "os._exit(0)", "raise KeyboardInterrupt",
         "raise type('Stop', (BaseException,), {})", "raise StopIteration", "1 / 0",
         "raise GeneratorExit")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, whose modules are imported anew."""
    monkeypatch.chdir(tmp_path)
    before, path = dict(sys.modules), list(sys.path)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - set(before):
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def check(capsys: Any, model: str, code: int = 0, more: str = "") -> list[dict[str, Any]]:
    """The findings for a model, from stdout, which must be JSON alone."""
    out, _ = run(capsys, f"check {model} --input 3 -t loihi2 -q --format json {more}", code)
    return list(json.loads(out)["checks"][0]["diagnostics"])


def test_what_user_code_changes_is_put_back(here: Path, capsys: Any) -> None:
    """A network whose import, factory and forward change all they can, beside the same without."""
    import numpy as np
    import torch

    (here / "calm.py").write_text(f"{NET}\nmake = Net\n")
    (here / "wild.py").write_text(f"{CHANGES}\n{NET}\nNet.after = staticmethod(change)\nchange()\n"
                                  "def make():\n    net = Net()\n    change()\n    return net\n")
    here_before = (sys.path[:], sys.argv[:], torch.get_num_threads(), np.geterr())
    expected = check(capsys, "calm:make", more="--full -v")
