"""What quantization decided on samples, as arrays: a network is made again without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.passes.loihi.quantization.population import Decision

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Rounding:
    """All decisions of a network, by the names of its populations, inputs and adders."""

    decisions: Mapping[str, Decision] = field(default_factory=dict)  # of adders: only weights count
    levels: Mapping[str, int] = field(default_factory=dict)  # largest integers of graded inputs
    scales: Mapping[str, float] = field(default_factory=dict)  # of what adders send

    def decision(self, population: str) -> Decision:
        """What was decided for a population. Raises UsageError (NC003) where nothing was."""
        if population not in self.decisions:
            raise _unreadable(f"it has nothing on `{population}`")
        return self.decisions[population]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The decisions by key; each of numbers or texts."""
        arrays: dict[str, NDArray[np.generic]] = {
            "populations": np.array(list(self.decisions), np.str_),
            "inputs": np.array(list(self.levels), np.str_),
            "levels": np.array(list(self.levels.values()), np.int64),
            "adders": np.array(list(self.scales), np.str_),
            "scales": np.array(list(self.scales.values()), np.float64)}
        for number, one in enumerate(self.decisions.values()):
            arrays[f"{number}.numbers"] = np.array([one.k, one.observed_current, one.saturates])
            arrays[f"{number}.exponents"] = np.array([e for e, _ in one.weights], np.int8)
            for at, (_, integers) in enumerate(one.weights):
                arrays[f"{number}.weights.{at}"] = integers.astype(np.int16)
            for name, values in (("gains", one.gains), ("correction", one.correction)):
                if values is not None:
                    arrays[f"{number}.{name}"] = values
        return arrays


def read_rounding(arrays: Arrays) -> Rounding:
    """The decisions that arrays hold. Raises UsageError (NC003) where they are none."""
    try:
        return _read(arrays)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise _unreadable(str(error).splitlines()[0]) from None


def _unreadable(reason: str) -> UsageError:
    return UsageError(Diagnostic("NC003", values={
        "file": "rounding.npz", "kind": "what a build decided on its sample",
        "reason": reason}, hint="build it again"))


def _read(arrays: Arrays) -> Rounding:
    decisions: dict[str, Decision] = {}
    for number, name in enumerate(arrays["populations"].tolist()):
        k, current, saturates = (float(x) for x in arrays[f"{number}.numbers"].tolist())
        decisions[str(name)] = Decision(
            k=int(k), observed_current=current, saturates=bool(saturates),
            weights=tuple((int(exponent), arrays[f"{number}.weights.{at}"].astype(np.int64))
                          for at, exponent in enumerate(arrays[f"{number}.exponents"].tolist())),
            gains=_floats(arrays, f"{number}.gains"),
            correction=_floats(arrays, f"{number}.correction"))
    return Rounding(
        decisions,
        dict(zip(map(str, arrays["inputs"].tolist()), map(int, arrays["levels"].tolist()),
                 strict=True)),
        dict(zip(map(str, arrays["adders"].tolist()), map(float, arrays["scales"].tolist()),
                 strict=True)))


def _floats(arrays: Arrays, key: str) -> NDArray[np.float32] | None:
    return arrays[key].astype(np.float32) if key in arrays else None
