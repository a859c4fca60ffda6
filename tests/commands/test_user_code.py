"""What the user's own code does to the process changes neither a result nor an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.commands.command_line import run

NET = """
import os, random, signal, sys, warnings
import numpy as np
import torch
from torch import nn

class Net(nn.Module):
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
        return torch.stack(spikes).mean(0)

make = Net
"""
CHANGES = """
def change():
    print("to be seen")
    os.chdir("/")
    torch.set_grad_enabled(False)
    torch.set_num_threads(1 + torch.get_num_threads())
    for seed in (torch.manual_seed, random.seed, np.random.seed):
        seed(len(sys.path))
    np.seterr(all="raise")
    sys.path.insert(0, "/nowhere")
    sys.argv = ["other"]
    sys.stdin = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)

def change_all():
    change()
    warnings.simplefilter("error")
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    torch.set_autocast_enabled("cpu", True)

class Wild(Net):
    def forward(self, x):
        change()
        y = super().forward(x)
        change()
        return y

def wild():
    net = Wild()
    change_all()
    torch.set_default_device("meta")
    sys.path[:] = ["/elsewhere"]
    return net

change_all()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, whose modules are imported anew."""
    monkeypatch.chdir(tmp_path)
    before, folders = set(sys.modules), list(sys.path)
    yield tmp_path
    sys.path[:] = folders
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def check(capsys: Any, model: str, code: int = 0, more: str = "") -> dict[str, Any]:
    """The result for a model, from stdout, which must be JSON alone."""
    out, _ = run(capsys, f"check {model} --input 3 -t loihi2 -q --format json {more}", code)
    item, = json.loads(out)["checks"]
    return dict(item)


def process() -> tuple[Any, ...]:
    """What a process has that its user code can change."""
    return (Path.cwd(), sys.path[:1], sys.argv[:], sys.stdin, np.geterr(), torch.get_num_threads(),
            torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled(),
            torch.are_deterministic_algorithms_enabled(), torch.is_autocast_enabled("cpu"),
            [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)])


def test_what_user_code_changes_is_put_back(here: Path, capsys: Any) -> None:
    """Its import, factory and forward change all they can; beside it the same network alone."""
    (here / "calm.py").write_text(NET)
    (here / "wilder.py").write_text(NET + CHANGES)
    before = process()
    wild, calm = (check(capsys, name, more="--full") for name in ("wilder:wild", "calm:make"))
    assert wild | {"model": ""} == calm | {"model": ""}
    assert process() == before


@pytest.mark.parametrize("end", [
    "sys.exit(0)", "sys.exit('enough')", "os._exit(0)", "raise KeyboardInterrupt",
    "raise type('Stop', (BaseException,), {})", "raise StopIteration", "1 / 0"])
@pytest.mark.parametrize("where", ["factory", "import"])
def test_user_code_that_ends_early_is_one_finding(here: Path, capsys: Any, end: str, where: str
                                                  ) -> None:
    text = f"import os, sys\ndef make():\n    {end}\n" + "make()\n" * (where == "import")
    (here / "ends.py").write_text(text)
    one, = check(capsys, "ends:make", 2)["diagnostics"]
    assert (one["code"], one["file"], one["line"]) == ("NC007", "ends.py", 3)


def test_code_that_is_no_python_is_told_at_its_line(here: Path, capsys: Any) -> None:
    (here / "broken.py").write_text("def make():\n    return (\n")
    one, = check(capsys, "broken:make", 2)["diagnostics"]
    assert (one["code"], one["file"], one["line"]) == ("NC007", "broken.py", 2)


@pytest.mark.parametrize(("condition", "code"), [("True", "NC102"), ("calls > 1", "NC103")])
def test_a_forward_that_ends_is_one_finding(here: Path, capsys: Any, condition: str, code: str
                                            ) -> None:
    (here / "ends.py").write_text(f"""{NET}
calls = 0
class Ends(Net):
    def forward(self, x):
        global calls
        calls += 1
        if {condition}:
            sys.exit(0)
        return super().forward(x)
""")
    one, = check(capsys, "ends:Ends", 2, "--full")["diagnostics"]
    assert (one["code"], one["file"]) == (code, "ends.py")
    assert "sys.exit(0)" in (here / "ends.py").read_text().splitlines()[one["line"] - 1]


@pytest.mark.parametrize("kill", [
    "os.kill(os.getpid(), signal.SIGINT)",
    "try: os.kill(os.getpid(), signal.SIGINT)\n    except BaseException: sys.exit(0)",
    "os.kill(os.getpid(), signal.SIGINT); raise ValueError"])
def test_a_real_interrupt_stops_the_tool(here: Path, capsys: Any, kill: str) -> None:
    (here / "halts.py").write_text(f"import os, signal, sys\ndef make():\n    {kill}\n")
    _, err = run(capsys, "check halts:make --input 3 -t loihi2", 130)
    assert err.endswith("neurocompile: interrupted\n")


def test_a_child_of_user_code_ends_with_it(here: Path, capsys: Any) -> None:
    (here / "forks.py").write_text(f"""{NET}
def forking():
    for number in range(3):
        child = os.fork()
        if not child:
            if number == 0:
                os._exit(3)
            return Net() if number == 1 else sys.exit(3)
        os.waitpid(child, 0)
    return Net()
""")
    verdict = check(capsys, "forks:forking", more="--legality-only")["verdict"]
    with (here / "ends").open("a") as file:
        file.write(f"{verdict} ")
    assert (here / "ends").read_text() == "partly checked "  # of this process alone


def test_user_code_runs_in_a_thread_too(here: Path, capsys: Any) -> None:
    from neurocompile import cli

    (here / "calm.py").write_text(NET)
    codes: list[int] = []
    command = "check calm:make --input 3 -t loihi2 --legality-only"
    thread = threading.Thread(target=lambda: codes.append(cli.run(command.split())))
    thread.start()
    thread.join()
    assert codes == [0]


PRINTS = """
import atexit, logging, os, threading
print("by print")
os.write(1, b"by its descriptor\\n")
os.system("echo by a child")
logging.basicConfig(stream=sys.stdout, level=logging.INFO)
logging.info("by a log")
atexit.register(print, "at the end")
atexit.register(os.write, 1, b"at the very end\\n")
threading.Thread(target=lambda: [print("by a thread") for _ in range(1000)]).start()
sys.stdout.reconfigure(encoding="utf-8")
sys.__stdout__.write("by the old stream\\n")
sys.stdout.close()
"""


def test_stdout_holds_results_alone(here: Path) -> None:
    (here / "prints.py").write_text(NET + PRINTS)
    command = ["check", "prints:make", "--input", "3", "-t", "loihi2", "--legality-only", "--format", "json"]
    process = subprocess.run(
        [sys.executable, "-m", "neurocompile", *command], capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONWARNINGS": "error"})
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["checks"][0]["verdict"] == "partly checked"
    for words in ("by print", "its descriptor", "a child", "a log", "at the very end"):
        assert words in process.stderr
