"""What a rule says."""

from __future__ import annotations

import string
from dataclasses import dataclass

MEASURES = frozenset({  # values of findings of which more is worse
    "needed", "share", "value", "count", "different", "branches", "levels", "after", "neurons",
    "synapses", "axons"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One documented rule; `message` is a format string over a finding's values."""

    code: str
    name: str
    severity: str  # "error", "warning" or "note"
    message: str
    why: str
    fix: str
    illegal: str = ""  # the smallest example that breaks it
    legal: str = ""  # its nearest legal neighbor

    @property
    def measures(self) -> tuple[str, ...]:
        """The values of the message of which more is worse, in its order."""
        names = (name for _, name, _, _ in string.Formatter().parse(self.message))
        return tuple(name for name in names if name in MEASURES)
