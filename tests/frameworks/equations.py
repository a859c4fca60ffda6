"""Evaluates the blocks of EQUATIONS.md in float32, to compare them with golden vectors."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tests.frameworks.golden import Case

TABLE = Path(__file__).parent / "EQUATIONS.md"
FUNCTIONS = {"trunc": np.trunc, "floor": np.floor, "maximum": np.maximum, "minimum": np.minimum,
             "relu": lambda a: np.maximum(a, np.float32(0)),
             "shifted": lambda a, keep: np.trunc(a * keep / 4096)}
STATES, RESULTS = ("u", "v"), ("u", "v", "s")


def blocks() -> dict[str, list[tuple[str, str]]]:
    """Name of a block to its lines, as (target, expression)."""
    text = TABLE.read_text(encoding="utf-8")
    by_name = {}
    for name, body in re.findall(r"^### ([\w.-]+)\n(?:(?!^#).*\n)*?```\n(.*?)```", text, re.MULTILINE | re.DOTALL):
        lines = [line.split(" = ", 1) for line in body.strip().splitlines()]
        by_name[name] = [(target.strip(), expression.strip()) for target, expression in lines]
    return by_name


def evaluate(lines: list[tuple[str, str]], case: Case) -> dict[str, np.ndarray]:
    """s, u, v after each tick [T, N], and h - v_th where the block has an h."""
    wide = np.float64 if case.block.startswith("slayer") else np.float32
    names = {k: wide(c) if np.ndim(c) == 0 else c for k, c in case.constants.items()}
    x = case.arrays["x"]
    state = {k: np.full(x.shape[1:], case.start[k], wide) for k in STATES if k in case.start}
    program = [(target, compile(text, case.block, "eval")) for target, text in lines]
    ticks: dict[str, list[np.ndarray]] = {}
    for t in range(len(x)):
        local = {**names, **state, "x": x[t].astype(wide)}
        if "y" in case.arrays:
            local["y"] = case.arrays["y"][t].astype(wide)
        for target, expression in program:
            value = eval(expression, {"__builtins__": {}}, {**FUNCTIONS, **local})
            local[target] = value.astype(wide)
        state = {k: local[k] for k in state}
        for k in (*RESULTS, "h"):
            if k in local:
                ticks.setdefault(k, []).append(local[k])
    return {k: np.stack(values) for k, values in ticks.items()}
