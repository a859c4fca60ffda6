"""The families of chips, by the word that their target files say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurocompile.families.family import Family
from neurocompile.families.loihi import LOIHI
from neurocompile.families.truenorth import TRUENORTH
from neurocompile.options import Option, Options, declared_in
from neurocompile.target import Target

if TYPE_CHECKING:  # a table of families is light
    from neurocompile.report.section import Section

FAMILIES: dict[str, Family[Any, Any, Any]] = {
    key: family for family in (LOIHI, TRUENORTH) for key in family.keys}


def family_of(target: Target) -> Family[Any, Any, Any]:
    """The family of a target."""
    return FAMILIES[target.family]


def sections_of(target: Target) -> tuple[Section, ...]:
    """The sections of a report for a target, in order."""
    return sections_of_family(family_of(target))


def sections_of_family(family: Family[Any, Any, Any]) -> tuple[Section, ...]:
    """The sections of all chips with those of a family, in order."""
    from neurocompile.report import sections
    from neurocompile.report.section import in_order

    return in_order(sections.SECTIONS, family.sections)


def declared_options() -> tuple[Option, ...]:
    """The options of all families, each once, in the order of their declaration."""
    by_name = {one.name: one for family in FAMILIES.values()
               for one in declared_in(family.options_type)}
    return tuple(by_name.values())


def options_of(family: Family[Any, Any, Any] | None, values: Mapping[str, Any]) -> Options:
    """A family's options with these values by name; without a family those of all chips.

    Raises UsageError (NC009) for a value, TypeError for a name that no family's option has.
    """
    kind = Options if family is None else family.options_type
    own = {one.name for one in declared_in(kind)}
    by_name = {one.name: one for one in declared_options()}
    extra = sorted(set(values) - own - set(by_name))
    if extra:
        raise TypeError(f"no option `{extra[0]}`; there are {', '.join(by_name)}")
    foreign = tuple(by_name[name] for name in values if name not in own
                    and by_name[name].read(values[name]) != by_name[name].default)
    return kind(
        **{name: value for name, value in values.items() if name in own}, foreign=foreign)
