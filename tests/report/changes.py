"""Changes of reports: a population of another name."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

HOSTILE = "</script><script>alert(1)</script>\x1b[31m\u202e"

T = TypeVar("T")


def rename(value: T, old: str, new: str) -> T:
    """The value with a text replaced wherever it stands alone, as a key too."""
    result: T = _rename(value, old, new)
    return result


def _rename(value: Any, old: str, new: str) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _rename(getattr(value, f.name), old, new)
                                 for f in fields(value)})
    if isinstance(value, dict):
        return {_rename(key, old, new): _rename(item, old, new) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_rename(item, old, new) for item in value)
    return new if isinstance(value, str) and value == old else value
