"""Options, each declared once: its values, its default, its help, and which chips it concerns.

The command line, the keys of neurocompile.toml and their JSON Schema, the keywords of the API, the
checks of values (NC009), the manifest, and the warning that an option has no effect on a family of
chips (NC013) all follow from the declaration.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, Self

from neurocompile.diagnostics import Diagnostic, UsageError

_KEY = "option"  # of a field's metadata


class Values(Protocol):
    """The values that an option takes."""

    @property
    def words(self) -> str:
        """What they are, as a message says it: "a whole number from 1 to 8"."""

    @property
    def metavar(self) -> str:
        """What they are in the help of the command line."""

    def read(self, value: object) -> Any:
        """The value, from a configuration or Python.

        Raises ValueError, which says what the option takes, for one that it does not.
        """

    def parse(self, text: str) -> Any:
        """The value of a text of the command line. Raises ValueError as `read` does."""

    def schema(self) -> dict[str, Any]:
        """They as a JSON Schema."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers of a range."""

    low: int
    high: int | None = None
    metavar: str = "N"

    @property
    def words(self) -> str:
        """The range."""
        upper = "on" if self.high is None else f"to {self.high:,}"
        return f"a whole number from {self.low:,} {upper}"

    def read(self, value: object) -> int:
        """The number."""
        if type(value) is not int or value < self.low or (
                self.high is not None and value > self.high):
            raise ValueError(self.words)
        return value

    def parse(self, text: str) -> int:
        """The number that digits write."""
        digits = text.strip()
        return self.read(int(digits) if digits.isdecimal() and len(digits) < 20 else text)

    def schema(self) -> dict[str, Any]:
        """An integer with its bounds."""
        return {"type": "integer", "minimum": self.low,
                **({} if self.high is None else {"maximum": self.high})}


@dataclass(frozen=True, slots=True)
class Positive:
    """Finite numbers above zero, such as seconds."""

    metavar: str = "NUMBER"
    words: str = "a number above 0"

    def read(self, value: object) -> float:
        """The number."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not (
                0 < value < math.inf):
            raise ValueError(self.words)
        return float(value)

    def parse(self, text: str) -> float:
        """The number that a text writes."""
        return self.read(_float(text))

    def schema(self) -> dict[str, Any]:
        """A number with its bound."""
        return {"type": "number", "exclusiveMinimum": 0}


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole: from 0 to below 1, which leaves something; or in another unit."""

    metavar: str = "P"
    words: str = "a number from 0 to below 1"
    whole: float = 1.0
    inclusive: bool = False  # whether it may be all

    def read(self, value: object) -> float:
        """The number."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not (
                0 <= value < self.whole or (self.inclusive and value == self.whole)):
            raise ValueError(self.words)
        return float(value)

    def parse(self, text: str) -> float:
        """The number that a text writes."""
        return self.read(_float(text))

    def schema(self) -> dict[str, Any]:
        """A number with its bounds."""
        return {"type": "number", "minimum": 0,
                "maximum" if self.inclusive else "exclusiveMaximum": self.whole}


def _float(text: str) -> float | str:
    """The number, else the text."""
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    names: tuple[str, ...]

    @property
    def words(self) -> str:
        """The words."""
        return f"one of {', '.join(self.names)}"

    @property
    def metavar(self) -> str:
        """The words, as click shows a choice."""
        return f"[{'|'.join(self.names)}]"

    def read(self, value: object) -> str:
        """The word."""
        if not isinstance(value, str) or value not in self.names:
            raise ValueError(self.words)
        return value

    def parse(self, text: str) -> str:
        """The word."""
        return self.read(text)

    def schema(self) -> dict[str, Any]:
        """An enumeration."""
        return {"enum": list(self.names)}


@dataclass(frozen=True, slots=True)
class Several:
    """Any of some words, as a tuple; on the command line one at a time."""

    names: tuple[str, ...]
    metavar: str = "NAME"

    @property
    def words(self) -> str:
        """The words."""
        return f"some of {', '.join(self.names)}"

    def read(self, value: object) -> tuple[str, ...]:
        """The words; one alone is a tuple of one."""
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not all(name in self.names for name in names):
            raise ValueError(self.words)
        return tuple(names)

    def parse(self, text: str) -> tuple[str, ...]:
        """One word."""
        return self.read(text)

    def schema(self) -> dict[str, Any]:
        """One word or a list of words."""
        one = {"enum": list(self.names)}
        return {"oneOf": [one, {"type": "array", "items": one}]}


@dataclass(frozen=True, slots=True)
class Option:
    """The declaration of one option."""

    name: str  # of the field, with underscores
    values: Values
    default: Any
    help: str
    families: tuple[str, ...] = ()  # of the chips that it has an effect on; empty: all

    @property
    def key(self) -> str:
        """Its key in neurocompile.toml."""
        return self.name.replace("_", "-")

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.key}"

    @property
    def repeats(self) -> bool:
        """Whether the command line may give it several times."""
        return isinstance(self.values, Several)

    def read(self, value: object) -> Any:
        """The value. Raises UsageError (NC009) for one that it does not take."""
        if value is None and self.default is None:
            return None
        try:
            return self.values.read(value)
        except ValueError as error:
            raise self._refusal(repr(value), error) from None

    def parse(self, text: str) -> Any:
        """The value of a text of the command line. Raises UsageError (NC009)."""
        try:
            return self.values.parse(text)
        except ValueError as error:
            raise self._refusal(text, error) from None

    def _refusal(self, text: str, error: ValueError) -> UsageError:
        return UsageError(Diagnostic("NC009", values={
            "option": self.flag, "reason": f"it is {error}",
            "value": f"`{text if len(text) < 80 else text[:77] + '...'}`"}))

    def concerns(self, family: str) -> bool:
        """Whether it has an effect on that family of chips."""
        return not self.families or family in self.families


def option(values: Values, default: Any, help: str, families: tuple[str, ...] = ()) -> Any:
    """A field of a frozen dataclass that declares an option."""
    return field(default=default, metadata={_KEY: (values, help, families)})


def declared_in(kind: type) -> tuple[Option, ...]:
    """The options that a dataclass declares, in its order."""
    return tuple(
        Option(name=f.name, values=f.metadata[_KEY][0], default=f.default, help=f.metadata[_KEY][1],
               families=f.metadata[_KEY][2]) for f in fields(kind) if _KEY in f.metadata)


ALLOW = ("residual-distribution", "compose-linear", "or-pool", "coincidence-gates")
LOIHI, TRUENORTH = ("loihi",), ("truenorth",)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a build can be told; what has an effect lands in its manifest.

    Values are checked: NC009 (UsageError) for one that an option does not take.
    """

    encoder: str = option(
        Choice(("auto", "bias", "graded", "host")), "auto", "How analog input reaches the chip.")
    streams: str = option(
        Choice(("auto", "duplicate", "adder")), "auto",
        "Sums that several layers receive: each with all synapses, or once as graded spikes.")
    readout: str = option(
        Choice(("auto", "host", "chip")), "auto", "Where outputs are added up over a sample.")
    weight_bits: int | None = option(
        Whole(1, 8), None, "Bits of a stored weight; 8 on Loihi and 4 on TrueNorth if not given.")
    encoding: str = option(
        Choice(("dense", "sparse", "shared", "auto")), "dense",
        "How synapses are stored: convolutions share lists, zeros are left out.", LOIHI)
    max_loss: float = option(
        Share("PERCENT", "a number from 0 to 100", 100.0, inclusive=True), 20.0,
        "Fail when a population's own rounding moves more of its spikes, in percent.")
    max_cores: int | None = option(Whole(1), None, "Fail when more cores are needed.")
    max_chips: int | None = option(Whole(1), None, "Fail when more chips are needed.")
    max_synapses: int | None = option(Whole(1), None, "Fail when more synapses are stored.")
    timing: str = option(
        Choice(("tick", "async")), "tick", "Whether the chip has a global tick.")
    allow: tuple[str, ...] = option(
        Several(ALLOW, "REWRITE"), (),
        f"Take an exact rewrite instead of refusing: {', '.join(ALLOW)}.")
    prune_tokens: float = option(
        Share(), 0.0,
        "Drop this share of the tokens: those with the fewest spikes on the sample.")
    prune_steps: float = option(Share(), 0.0, "Drop this share of the ticks.")
    fan_in: str = option(
        Choice(("reject", "exact-slow", "group")), "reject",
        "Too many inputs for a crossbar: refuse, take more ticks, or name groups.", TRUENORTH)

    foreign: tuple[Option, ...] = ()  # options of other families alone that were set, too

    def __post_init__(self) -> None:
        for one in declared_in(type(self)):
            object.__setattr__(self, one.name, one.read(getattr(self, one.name)))

    @property
    def budgets(self) -> dict[str, int]:
        """The budgets that are set, by resource."""
        limits = {"cores": self.max_cores, "chips": self.max_chips, "synapses": self.max_synapses}
        return {name: limit for name, limit in limits.items() if limit is not None}

    @property
    def bits(self) -> int:
        """Bits of a stored weight. Raises TypeError where no family has filled them in."""
        if self.weight_bits is None:
            raise TypeError("bits of a weight depend on the family of chips: Options.with_usual_bits")
        return self.weight_bits

    def values(self) -> dict[str, Any]:
        """All options by name."""
        return {one.name: getattr(self, one.name) for one in declared_in(type(self))}

    def with_usual_bits(self, weight_bits: int) -> Self:
        """The options with a family's usual bits of a weight where nothing was said."""
        return self if self.weight_bits is not None else replace(self, weight_bits=weight_bits)

    def record(self, family: str) -> dict[str, Any]:
        """All that have an effect on a family of chips, by name: what a manifest holds."""
        values = self.values()
        return {one.name: values[one.name] for one in declared_in(type(self))
                if one.concerns(family)}

    def without_effect(self, family: str, target: str) -> Iterator[Diagnostic]:
        """NC013 for each option that was set and has no effect on a family of chips."""
        idle = [one for one in declared_in(type(self))
                if not one.concerns(family) and getattr(self, one.name) != one.default]
        for one in (*idle, *self.foreign):
            yield Diagnostic("NC013", values={
                "option": one.flag, "target": target, "families": one.families})
