"""What a rule says."""

from __future__ import annotations

from dataclasses import dataclass


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
