"""Records golden vectors from an installed framework version.

    python -m tests.frameworks.record [--out FOLDER] NAME ...        (names: see frameworks.py)
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

import torch

from tests.frameworks.frameworks import FRAMEWORKS, use
from tests.frameworks.golden import FOLDER, save

RECORDERS = {"spikingjelly": "jelly", "snntorch": "snn", "norse": "norse_cells",
             "sinabs": "sinabs_layers", "rockpool": "rockpool_lif", "lava-dl": "slayer"}


def record(name: str, out: Path) -> None:
    """Writes the file of one framework version, from this process."""
    use(name)
    framework, version = name.rsplit("-", 1)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with torch.no_grad():
        recorder = importlib.import_module(f"tests.frameworks.recorders.{RECORDERS[framework]}")
        cases = recorder.cases(version)
        path = save(cases, out)
        sys.stdout.write(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(FRAMEWORKS))
    parser.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    if len(arguments.names) == 1:
        record(arguments.names[0], arguments.out)
    else:  # versions of a framework cannot share a process
        for each in arguments.names:
            subprocess.run([sys.executable, "-m", "tests.frameworks.record", "--out", str(arguments.out),
                            each], check=True)
