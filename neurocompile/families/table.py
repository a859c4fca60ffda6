"""The families of chips, by the word that their target files say."""

from __future__ import annotations

from typing import Any

from neurocompile.families.family import Family
from neurocompile.families.loihi import LOIHI
from neurocompile.families.truenorth import TRUENORTH
from neurocompile.options import Option, declared_in
from neurocompile.target import Target

FAMILIES: dict[str, Family[Any, Any]] = {
    key: family for family in (LOIHI, TRUENORTH) for key in family.keys}


def family_of(target: Target) -> Family[Any, Any]:
    """The family of a target."""
    return FAMILIES[target.family]


def declared_options() -> tuple[Option, ...]:
    """The options of all families, each once, in the order of their declaration."""
    by_name = {one.name: one for family in FAMILIES.values()
               for one in declared_in(family.options_type)}
    return tuple(by_name.values())
