"""What a user says of a model's input: its sizes, and which axis counts samples."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

MAX_VALUES = 1 << 26  # of one sample, all its ticks
MAX_AXES = 16
_SIZE = r"[1-9][0-9]{0,8}"
_SAMPLES = "N"


@dataclass(frozen=True, slots=True)
class InputSizes:
    """The sizes of one sample in the order of the model's axes, and where samples stand among them.

    `samples` is the axis of samples in the model's input, 1 for `30xNx8`. None: it is not said.
    """

    sizes: tuple[int, ...]
    samples: int | None = None

    def __str__(self) -> str:
        """As `--input` takes it: `30xNx8`."""
        texts = [str(size) for size in self.sizes]
        if self.samples is not None:
            texts.insert(self.samples, _SAMPLES)
        return "x".join(texts)

    def at(self, samples: int) -> InputSizes:
        """The same sizes with the samples on that axis."""
        return InputSizes(self.sizes, samples)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Texts such as `3x224x224` and `30xNx8`; in Python also sizes alone."""

    metavar: str = "SIZES"
    words: str = ("sizes of one input such as 3x224x224, with N where the samples stand if that is "
                  "not in front, as in 30xNx8")

    def read(self, value: object) -> InputSizes:
        """The form, of a text or of the sizes."""
        if isinstance(value, InputSizes):
            return self._within_limits(value)
        if isinstance(value, str):
            return self.parse(value)
        if not isinstance(value, (list, tuple)) or not all(type(n) is int and n > 0 for n in value):
            raise ValueError(self.words)
        return self._within_limits(InputSizes(tuple(value)))

    def parse(self, text: str) -> InputSizes:
        """The form that a text writes."""
        parts = [part.strip().upper() for part in re.split("[,x]", text)]
        numbers = [part for part in parts if part != _SAMPLES]
        if len(parts) - len(numbers) > 1 or not all(re.fullmatch(_SIZE, one) for one in numbers):
            raise ValueError(self.words)
        samples = parts.index(_SAMPLES) if _SAMPLES in parts else None
        return self._within_limits(InputSizes(tuple(map(int, numbers)), samples))

    def schema(self) -> dict[str, Any]:
        """A text."""
        one = f" *({_SIZE}|[Nn]) *"
        return {"type": "string", "pattern": f"^{one}([,x]{one})*$"}

    def _within_limits(self, form: InputSizes) -> InputSizes:
        if not form.sizes or len(form.sizes) > MAX_AXES:
            raise ValueError(self.words)
        if math.prod(form.sizes) > MAX_VALUES:
            raise ValueError(f"at most {MAX_VALUES:,} values in all")
        return form
