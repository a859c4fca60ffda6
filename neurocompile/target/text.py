"""A target as TOML again: what a build keeps, and what `neurocompile targets` shows."""

from __future__ import annotations

import json

from neurocompile.target.base import Target


def target_toml(target: Target) -> str:
    """TOML that `parse_target` reads back as the same target."""
    lines = ["schema = 1", *(f"{key} = {_text(getattr(target, key))}"
                             for key in ("name", "family", "description"))]
    table = ""
    for key, quantity in target.quantities():
        section, _, name = key.rpartition(".")
        if section != table:
            table = section
            lines += ["", f"[{section}]"]
        lines.append(f"{name} = {{ value = {quantity.value}, unit = {_text(quantity.unit)}, "
                     f"source = {_text(quantity.source)}, "
                     f"confidence = {_text(quantity.confidence)} }}")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are a subset, but for the delete character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
