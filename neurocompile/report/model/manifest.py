"""manifest.json: what a build was made from, and the hash of every file in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from neurocompile.report.model.pruning import SelectionFacts
from neurocompile.report.plain import Key
from neurocompile.report.schema import Count, Facet

Hash = Annotated[str, Facet("pattern", "^[0-9a-f]{64}$")]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """What wrote the build."""

    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file that went into the build."""

    role: str  # graph, weights, architecture, sample
    name: str
    sha256: Hash
    size: Count  # bytes


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """A file of the build."""

    sha256: Hash
    size: Annotated[Count, Key("bytes")]


@dataclass(frozen=True, kw_only=True)
class _Head:
    """What a manifest is known by."""

    format: Literal["neurocompile/build/1"] = "neurocompile/build/1"
    time: Annotated[str, Key("created")]  # UTC, or what SOURCE_DATE_EPOCH says


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a build was made from."""

    tool: Tool
    model: str
    target: str
    options: Mapping[str, Any]  # all that have an effect on the target's family
    seed: int  # of inputs that stand in for a sample
    pruning: SelectionFacts | None = None  # where tokens or ticks were dropped
    inputs: tuple[SourceFile, ...]
    versions: Mapping[str, str]  # of packages


@dataclass(frozen=True, kw_only=True)
class Manifest(Provenance, _Head):
    """What a build was made from, and the hash of every file in it."""

    files: Mapping[str, FileEntry]
    without_hash: Annotated[tuple[str, ...], Key("unhashed")]  # files that differ from run to run

    @property
    def provenance(self) -> Provenance:
        """What the build was made from."""
        return Provenance(**{f.name: getattr(self, f.name) for f in fields(Provenance)})
