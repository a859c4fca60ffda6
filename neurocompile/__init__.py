"""neurocompile: trained PyTorch spiking networks on neuromorphic chips, exact to the spike."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurocompile.api import build, check, export

__version__ = "0.1.0"
__all__ = ["__version__", "build", "check", "export"]

_API = ("build", "check", "export")


def __getattr__(name: str) -> Any:
    """The public functions, imported on first use: `import neurocompile` imports no torch."""
    if name not in _API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("neurocompile.api"), name)
