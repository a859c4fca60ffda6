"""A target with the type of TrueNorth, which loading gives for any family."""

from __future__ import annotations

from neurocompile.families.targets import load_target
from neurocompile.target.truenorth import TrueNorthTarget


def truenorth_target(name: str = "truenorth") -> TrueNorthTarget:
    """The target of that name, one of TrueNorth's."""
    target = load_target(name)
    assert isinstance(target, TrueNorthTarget)
    return target
