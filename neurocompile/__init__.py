"""neurocompile: trained PyTorch spiking networks on neuromorphic chips, exact to the spike."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurocompile import nn
    from neurocompile.api import Verdict, build, check, export, quantize, sweep, tune
    from neurocompile.builds.builder import BuildResult
    from neurocompile.capture.declaration import neuron
    from neurocompile.diagnostics import (
        Diagnostic,
        FindingsError,
        InternalError,
        NeurocompileError,
        Severity,
        UsageError,
    )
    from neurocompile.options import Options

__version__ = "0.1.0"
__all__ = [
    "BuildResult", "Diagnostic", "FindingsError", "InternalError", "NeurocompileError", "Options",
    "Severity", "UsageError", "Verdict", "__version__", "build", "check", "export", "neuron", "nn",
    "quantize", "sweep", "tune",
]

_HOMES = {
    "api": ("Verdict", "build", "check", "export", "quantize", "sweep", "tune"),
    "builds.builder": ("BuildResult",),
    "capture.declaration": ("neuron",),
    "diagnostics": ("Diagnostic", "FindingsError", "InternalError", "NeurocompileError", "Severity",
                    "UsageError"),
    "options": ("Options",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The public names, imported on first use: `import neurocompile` imports no torch."""
    if name == "nn":
        return importlib.import_module("neurocompile.nn")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"neurocompile.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
