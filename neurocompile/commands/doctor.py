"""`neurocompile doctor`: what is installed, and what it unlocks. Imports none of it."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass

import click

import neurocompile
from neurocompile.commands.terminal import common, show
from neurocompile.formats.format import Package
from neurocompile.formats.table import all_formats


@dataclass(frozen=True, slots=True)
class Use:
    """A package and what it is for; a core one is a dependency of neurocompile."""

    package: str
    purpose: str
    core: bool = True


PACKAGES = (
    Use("torch", "reads models, runs the reference"),
    Use("numpy", "arrays"),
    Use("scipy", "sparse synapses"),
    Use("onnx", "the graph's file format"),
    Use("onnx-ir", "the graph in memory"),
    Use("onnxscript", "capture"),
    Use("networkx", "placement, depth"),
    Use("numba", "fast partitioning"),
    Use("jinja2", "the emitted program, report.html"),
    Use("rich", "tables on the terminal"),
    Use("lava-nc", "runs the emitted program: verify", core=False),
    Use("lava-dl", "reads .net files (netx)", core=False),
    Use("spikingjelly", "models written with SpikingJelly", core=False),
    Use("snntorch", "models written with snnTorch", core=False),
    Use("onnxruntime", "runs exported graphs", core=False),
)


def uses() -> tuple[Use, ...]:
    """All packages: of neurocompile itself, then those that only formats of model files need."""
    names = {use.package for use in PACKAGES}
    formats: dict[Package, list[str]] = {}
    for one in all_formats():
        for package in one.packages:
            if package.name not in names:
                formats.setdefault(package, []).extend(one.suffixes)
    return (*PACKAGES, *(Use(package.name, f"{', '.join(suffixes)} files", package.core)
                         for package, suffixes in formats.items()))


@click.command(short_help="Show what is installed.")
@common
def doctor() -> int:
    """Show versions of what neurocompile uses; exits with 2 when something it needs is missing."""
    show(f"neurocompile {neurocompile.__version__}, Python {platform.python_version()}, "
         f"{platform.system()} {platform.machine()}")
    complete = True
    for use in uses():
        version = _version(use.package)
        complete = complete and (version is not None or not use.core)
        state = version or ("MISSING" if use.core else "not installed")
        show(f"{use.package:14}  {state:14}  {use.purpose}")
    return 0 if complete else 2


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
