"""Records golden vectors from an installed framework version.

    python tests/frameworks/record.py NAME ...        (names: see frameworks.py)
"""

from __future__ import annotations

import importlib
import subprocess
import sys

import torch
from frameworks import FRAMEWORKS, use
from golden import save

RECORDERS = {"spikingjelly": "jelly", "snntorch": "snn", "norse": "norse_cells",
             "sinabs": "sinabs_layers", "rockpool": "rockpool_lif", "lava-dl": "slayer"}


def record(name: str) -> None:
    """Writes the file of one framework version, from this process."""
    use(name)
    framework, version = name.rsplit("-", 1)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with torch.no_grad():
        recorder = importlib.import_module(f"recorders.{RECORDERS[framework]}")
        found = recorder.cases(version)
        path = save(found)
        sys.stdout.write(f"{path.name}: {len(found)} cases, {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    names = sys.argv[1:] or list(FRAMEWORKS)
    if len(names) == 1:
        record(names[0])
    else:  # versions of a framework cannot share a process
        for each in names:
            subprocess.run([sys.executable, __file__, each], check=True)
