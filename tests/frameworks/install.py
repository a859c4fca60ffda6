"""Installs each framework version into its own folder `build/frameworks/NAME`.

    python -m tests.frameworks.install [NAME ...]

A folder goes in front of the module search path (`use` in frameworks.py does it), so that versions
which cannot share an environment are read by one interpreter. Nothing pulls its dependencies: torch
and numpy are the project's, and stubs/ stands in for torchvision and matplotlib.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.frameworks.frameworks import FRAMEWORKS, folder


def install(name: str) -> None:
    """Replaces the folder. Raises CalledProcessError if pip fails."""
    target = folder(name)
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps",
         "--ignore-requires-python", "--target", str(target), *FRAMEWORKS[name]],
        check=True,
    )


if __name__ == "__main__":
    for framework in sys.argv[1:] or FRAMEWORKS:
        install(framework)
