"""Legality: the proof that a network is event-driven, one rule family a file."""

from __future__ import annotations

from neurocompile.passes.legality.allow import Allow
from neurocompile.passes.legality.check import check_graph

__all__ = ["Allow", "check_graph"]
