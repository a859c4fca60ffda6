"""Legality: the proof that a network is event-driven, one rule family a file."""

from __future__ import annotations

from neurocompile.passes.legality.check import check_graph

__all__ = ["check_graph"]
