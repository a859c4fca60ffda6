"""The targets of all families, read by name or from a file."""

from __future__ import annotations

from neurocompile.target import Target, load
from neurocompile.target.load import known_targets
from neurocompile.target.loihi import LoihiTarget
from neurocompile.target.truenorth import TrueNorthTarget

__all__ = ["TARGET_TYPES", "known_targets", "load_target", "parse_target"]

TARGET_TYPES: dict[str, type[Target]] = {
    "loihi1": LoihiTarget, "loihi2": LoihiTarget, "truenorth": TrueNorthTarget}


def load_target(name: str) -> Target:
    """The target of that name, or of the TOML file at that path.

    Raises UsageError: NC001 when there is none, NC002 and NC010 when the file is no target.
    """
    return load.load_target(name, TARGET_TYPES)


def parse_target(text: str, path: str) -> Target:
    """A target from TOML text. Raises UsageError (NC002, NC010) when it is none."""
    return load.parse_target(text, path, TARGET_TYPES)
