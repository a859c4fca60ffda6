"""Values that options take: each kind reads them from Python, configuration and texts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

_FAR = 1e30  # beyond any input


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
        return self.read(_digits(text))

    def schema(self) -> dict[str, Any]:
        """An integer with its bounds."""
        return {"type": "integer", "minimum": self.low,
                **({} if self.high is None else {"maximum": self.high})}


SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits of stored weights: a number, one with exceptions by population, or "search".

    Exceptions are a text, `4,lif3=8`: what reaches `lif3` has 8, all else 4, or what is usual where no
    number stands in front. They may be `pair` bits, too.
    """

    high: int
    pair: int | None = None  # of a weight that two synapses hold
    metavar: str = "[N,][NAME=N]...|search"

    @property
    def words(self) -> str:
        """The numbers."""
        return (f"a whole number from 1 to {self.high}, one with exceptions by population such as "
                f"4,lif3={self.high}{f' or lif3={self.pair}' if self.pair else ''}, or {SEARCH}")

    def read(self, value: object) -> int | str:
        """The number, or the text as it is always written."""
        if isinstance(value, str):
            return self.parse(value)
        return self._number(value)

    def parse(self, text: str) -> int | str:
        """The value that a text writes."""
        if text.strip() == SEARCH:
            return SEARCH
        first, *exceptions = (part.strip() for part in text.split(","))
        if "=" in first:
            return self._text([], [first, *exceptions])
        number = self._number(_digits(first))
        return self._text([str(number)], exceptions) if exceptions else number

    def _text(self, first: list[str], exceptions: list[str]) -> str:
        pairs = [(name.strip(), self._exception(_digits(bits)))
                 for name, _, bits in (part.rpartition("=") for part in exceptions)]
        if not all(name for name, _ in pairs) or len(dict(pairs)) < len(pairs):
            raise ValueError(self.words)
        return ",".join([*first, *(f"{n}={b}" for n, b in pairs)])

    def schema(self) -> dict[str, Any]:
        """An integer, or a text."""
        return {"oneOf": [{"type": "integer", "minimum": 1, "maximum": self.high},
                          {"type": "string", "pattern": "^(search|([0-9]+|.+=[0-9]+)(,.+=[0-9]+)*)$"}]}

    def _exception(self, value: object) -> int:
        return value if type(value) is int and value == self.pair else self._number(value)

    def _number(self, value: object) -> int:
        if type(value) is not int or not 1 <= value <= self.high:
            raise ValueError(self.words)
        return value


@dataclass(frozen=True, slots=True)
class SeveralBits:
    """Bits of stored weights, several of them in turn, as a tuple.

    A text has commas between them; exceptions by population belong to the number before.
    """

    each: Bits
    metavar: str = "N|search,..."

    @property
    def words(self) -> str:
        """The numbers."""
        return f"{self.each.words}, or several with commas between"

    def read(self, value: object) -> tuple[int | str, ...]:
        """The values, each once; one alone is a tuple of one."""
        if isinstance(value, str):
            return self.parse(value)
        values = (value,) if isinstance(value, int) else value
        if not isinstance(values, (list, tuple)) or not values:
            raise ValueError(self.words)
        return tuple(dict.fromkeys(self.each.read(one) for one in values))

    def parse(self, text: str) -> tuple[int | str, ...]:
        """The values that a text writes."""
        parts: list[str] = []
        for part in text.split(","):
            if "=" in part and parts and parts[-1].strip() != SEARCH:
                parts[-1] += f",{part}"
            else:
                parts.append(part)
        return self.read([self.each.parse(part) for part in parts])

    def schema(self) -> dict[str, Any]:
        """One of them, or a list."""
        one = self.each.schema()
        return {"oneOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _digits(text: str) -> int | str:
    """The number that digits write, else the text."""
    digits = text.strip()
    return int(digits) if digits.isdecimal() and len(digits) < 20 else text


@dataclass(frozen=True, slots=True)
class Names:
    """Names with commas between, as a tuple; whole numbers are names, too."""

    metavar: str = "NAME,..."
    words: str = "a name, or several with commas between"

    def read(self, value: object) -> tuple[str, ...]:
        """The names, each once; one alone is a tuple of one."""
        if isinstance(value, str):
            return self.parse(value)
        values = [value] if type(value) is int else value
        if not isinstance(values, (list, tuple)) or not all(
                type(one) in (int, str) and str(one).strip() for one in values):
            raise ValueError(self.words)
        return tuple(dict.fromkeys(str(one).strip() for one in values))

    def parse(self, text: str) -> tuple[str, ...]:
        """The names that a text writes."""
        return self.read(text.split(","))

    def schema(self) -> dict[str, Any]:
        """One of them, or a list."""
        one = {"type": ["string", "integer"]}
        return {"oneOf": [one, {"type": "array", "items": one}]}


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
class Ranges:
    """Ranges of inputs, (name, low, high) each; the name is empty for all inputs."""

    metavar: str = "[NAME=]LOW:HIGH"
    words: str = "LOW:HIGH or NAME=LOW:HIGH, numbers of which the second is larger"

    def read(self, value: object) -> tuple[tuple[str, float, float], ...]:
        """The ranges, of texts or as they are."""
        entries: object = (value,) if isinstance(value, str) else value
        match entries:
            case [*ranges]:
                return tuple(self._range(one) for one in ranges)
        raise ValueError(self.words)

    def parse(self, text: str) -> tuple[tuple[str, float, float], ...]:
        """One range."""
        return self.read(text)

    def _range(self, entry: object) -> tuple[str, float, float]:
        if isinstance(entry, str):
            name, equals, ends = entry.rpartition("=")
            low, _, high = ends.partition(":")
            entry = (name, _float(low), _float(high)) if name or not equals else ()
        parts: list[Any] = list(entry) if isinstance(entry, (list, tuple)) else []
        if [type(one) in (int, float) for one in parts] == [False, True, True] and (
                isinstance(parts[0], str) and -_FAR < parts[1] < parts[2] < _FAR):
            return parts[0], float(parts[1]), float(parts[2])
        raise ValueError(self.words)

    def schema(self) -> dict[str, Any]:
        """A text or a list of texts."""
        one = {"type": "string", "pattern": "^([^=]+=)?[^:=]+:[^:=]+$"}
        return {"oneOf": [one, {"type": "array", "items": one}]}


