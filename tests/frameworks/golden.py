"""Golden vectors: what a framework's own neuron computed, stored bit for bit.

A file `tests/golden/neurons/FRAMEWORK-VERSION.npz` holds arrays and, under "cases", JSON that
names them. Equal arrays are stored once. Spikes are stored as integers, all else as float32.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.paths import GOLDEN

FOLDER = GOLDEN / "neurons"


@dataclass(frozen=True)
class Case:
    """One class with one set of options, run for T ticks over N neurons."""

    framework: str
    version: str
    cls: str  # qualified name
    options: dict[str, Any]  # constructor arguments
    variants: list[str]  # ways to run it that gave identical numbers
    block: str  # heading in EQUATIONS.md
    constants: dict[str, Any]  # names of the block: numbers (exact in float32) or arrays [N]
    start: dict[str, float]  # state before the first tick
    arrays: dict[str, np.ndarray]  # x, s, u, v, y: [T, N]; weights of recurrent connections

    @property
    def name(self) -> str:
        """Class and options, for messages."""
        options = ", ".join(f"{k}={v}" for k, v in self.options.items())
        return f"{self.framework} {self.version} {self.cls.rsplit('.', 1)[-1]}({options})"


@dataclass
class _Store:
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def key(self, array: np.ndarray) -> str:
        name = hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).hexdigest()
        self.arrays[name[:12]] = array
        return name[:12]


def _compact(name: str, array: np.ndarray) -> np.ndarray:
    if name != "s":
        return np.ascontiguousarray(array, dtype=np.float32)
    smallest = np.min_scalar_type(int(array.max()))
    if not np.array_equal(array, array.astype(smallest)):
        return np.ascontiguousarray(array, dtype=np.float32)  # scaled by a factor
    return array.astype(smallest)


def save(cases: Sequence[Case], folder: Path = FOLDER) -> Path:
    """Writes the file of one framework version; the same cases give the same bytes."""
    store, rows = _Store(), []
    for case in cases:
        row = asdict(case)
        row["arrays"] = {k: store.key(_compact(k, a)) for k, a in case.arrays.items()}
        row["constants"] = {
            k: {"array": store.key(_compact(k, c))} if isinstance(c, np.ndarray) else c
            for k, c in case.constants.items()}
        rows.append(row)
    text = json.dumps(rows, sort_keys=True).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{cases[0].framework}-{cases[0].version}.npz"
    arrays: dict[str, Any] = {"cases": np.frombuffer(text, np.uint8), **store.arrays}
    np.savez_compressed(path, **arrays)
    return path


def load(path: Path) -> list[Case]:
    """The cases of a file. Spikes come back as float32 like everything else."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    cases = []
    for row in json.loads(arrays.pop("cases").tobytes()):
        row["arrays"] = {k: arrays[name].astype(np.float32) for k, name in row["arrays"].items()}
        row["constants"] = {
            k: arrays[c["array"]] if isinstance(c, dict) else c
            for k, c in row["constants"].items()}
        cases.append(Case(**row))
    return cases
