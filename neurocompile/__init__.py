"""neurocompile: trained PyTorch spiking networks on neuromorphic chips, exact to the spike."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurocompile import nn
    from neurocompile.api import build, check, export
    from neurocompile.capture.declaration import neuron

__version__ = "0.1.0"
__all__ = ["__version__", "build", "check", "export", "neuron", "nn"]

_HOME = {"build": "api", "check": "api", "export": "api", "neuron": "capture.declaration"}


def __getattr__(name: str) -> Any:
    """The public names, imported on first use: `import neurocompile` imports no torch."""
    if name == "nn":
        return importlib.import_module("neurocompile.nn")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"neurocompile.{_HOME[name]}"), name)
