"""Targets are data: chip descriptions read from TOML, each number with unit and source."""

from __future__ import annotations

from neurocompile.target.base import Quantity, Target

__all__ = ["Quantity", "Target"]
