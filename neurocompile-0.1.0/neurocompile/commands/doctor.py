"""`neurocompile doctor`: what is installed, and what it unlocks. Imports none of it."""

from __future__ import annotations

import importlib.metadata
import platform

import click

import neurocompile
from neurocompile.commands.terminal import common, show

PACKAGES = (
    ("torch", "reads models, runs the reference", True),
    ("numpy", "arrays", True),
    ("scipy", "sparse synapses", True),
    ("onnx", "the graph's file format", True),
    ("onnx-ir", "the graph in memory", True),
    ("onnxscript", "capture", True),
    ("networkx", "placement, depth", True),
    ("numba", "fast partitioning", True),
    ("h5py", "lava-dl's .net files", True),
    ("jinja2", "the emitted program, report.html", True),
    ("rich", "tables on the terminal", True),
    ("lava-nc", "runs the emitted program: verify", False),
    ("lava-dl", "reads .net files (netx)", False),
    ("spikingjelly", "models written with SpikingJelly", False),
    ("snntorch", "models written with snnTorch", False),
    ("onnxruntime", "runs exported graphs", False),
)


@click.command(short_help="Show what is installed.")
@common
def doctor() -> int:
    """Show versions of what neurocompile uses; exits with 2 when something it needs is missing."""
    show(f"neurocompile {neurocompile.__version__}, Python {platform.python_version()}, "
         f"{platform.system()} {platform.machine()}")
    missing = 0
    for name, use, needed in PACKAGES:
        version = _version(name)
        missing += version is None and needed
        state = version or ("MISSING" if needed else "not installed")
        show(f"{name:14}  {state:14}  {use}")
    return 2 if missing else 0


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
