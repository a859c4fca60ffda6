"""The targets of all families, read by name or from a file."""

from __future__ import annotations

from neurocompile.families.table import FAMILIES
from neurocompile.target import Target, load
from neurocompile.target.load import known_targets

__all__ = ["known_targets", "load_target", "parse_target"]


def load_target(name: str) -> Target:
    """The target of that name, or of the TOML file at that path.

    Raises UsageError: NC001 when there is none, NC002 and NC010 when the file is no target.
    """
    return load.load_target(name, _target_types())


def parse_target(text: str, path: str) -> Target:
    """A target from TOML text. Raises UsageError (NC002, NC010) when it is none."""
    return load.parse_target(text, path, _target_types())


def _target_types() -> dict[str, type[Target]]:
    return {key: family.target_type for key, family in FAMILIES.items()}
