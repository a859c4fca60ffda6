"""What quantization decided on samples, as arrays: a network is made again without them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.ir.network import ANALOG, Network, Population, Projection
from neurocompile.passes.loihi import limits
from neurocompile.passes.loihi.quantization.decision import Decision
from neurocompile.passes.loihi.quantization.weight_grid import grid
from neurocompile.semantics.loihi_widths import PAIR_BITS, WEIGHT_BITS
from neurocompile.target.loihi import LoihiTarget

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Rounding:
    """All decisions of a network, by the names of its populations, inputs and adders."""

    decisions: Mapping[str, Decision] = field(default_factory=dict)  # of adders: only weights count
    levels: Mapping[str, int] = field(default_factory=dict)  # largest integers of graded inputs
    scales: Mapping[str, float] = field(default_factory=dict)  # of what adders send
    bits: Mapping[str, int] = field(default_factory=dict)  # of the weights into populations

    def check(self, network: Network, most_levels: int) -> None:
        """Raise UsageError (NC003) where it is not about what a network has."""
        for what, values, names in (
                ("populations", self.decisions, {p.name for p in network.populations}),
                ("inputs", self.levels, {i.name for i in network.inputs if i.kind in ANALOG}),
                ("adders", self.scales, {p.name for p in network.populations if p.graded})):
            other = sorted(values.keys() ^ names)
            if other:
                raise unreadable(f"it has other {what} than the network: `{other[0]}`")
        if not all(1 <= levels <= max(1, most_levels) for levels in self.levels.values()):
            raise unreadable("no input has so many levels")
        if not all(1 <= bits <= WEIGHT_BITS or bits == PAIR_BITS for bits in self.bits.values()):
            raise unreadable("no weight has so many bits")
        if not all(0 < scale < math.inf for scale in self.scales.values()):
            raise unreadable("no adder has such a scale")

    def decision(self, population: Population, synapses: Sequence[Projection],
                 target: LoihiTarget) -> Decision:
        """What was decided for a population with these synapses in float.

        Raises UsageError (NC003) for what no target holds.
        """
        one = self.decisions[population.name]
        for reason in _misfits(one, population, synapses, target):
            raise unreadable(f"`{population.name}`: {reason}")
        return one

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The decisions by key; each of numbers or texts."""
        arrays: dict[str, NDArray[np.generic]] = {
            "populations": np.array(list(self.decisions), np.str_),
            "inputs": np.array(list(self.levels), np.str_),
            "levels": np.array(list(self.levels.values()), np.int64),
            "adders": np.array(list(self.scales), np.str_),
            "scales": np.array(list(self.scales.values()), np.float64),
            "targets": np.array(list(self.bits), np.str_),
            "bits": np.array(list(self.bits.values()), np.int64)}
        for number, one in enumerate(self.decisions.values()):
            arrays[f"{number}.numbers"] = np.array(
                [one.k, one.observed_current, one.saturates, one.has_ties])
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
        raise unreadable(str(error).splitlines()[0]) from None


def unreadable(reason: str) -> UsageError:
    """NC003 for a record that is none of a network."""
    return UsageError(Diagnostic("NC003", values={
        "file": "rounding.npz", "kind": "what a build decided on its sample",
        "reason": reason}, hint="build it again"))


def _misfits(one: Decision, population: Population, synapses: Sequence[Projection],
             target: LoihiTarget) -> Iterator[str]:
    shapes = [np.shape(p.operator.weights) for p in synapses]
    if [np.shape(integers) for _, integers in one.weights] != shapes:
        yield "its weights have other shapes than the network's"
        return
    for (exponent, integers), projection in zip(one.weights, synapses, strict=True):
        least, most = limits.exponent_range(target, projection.weight_bits)
        step, low, high = grid(projection.operator.weights, projection.weight_bits)
        if not least <= exponent <= most or np.any(integers % step) or (
                integers.min(initial=0) < low or integers.max(initial=0) > high):
            yield f"the weights of `{projection.name}` are not on their grid"
    for values in (one.gains, one.correction):
        if values is not None and not (values.shape == (population.size,)
                                       and np.isfinite(values).all()):
            yield "its gains or corrections are not one number for each neuron"
    if one.gains is not None and not (one.gains > 0).all():
        yield "a gain is not above 0"
    if not (population.graded or 1 <= one.k <= limits.threshold_limit(target)):
        yield f"{one.k} is no threshold"
    if not one.observed_current >= 0:
        yield "it says no largest current"


def _read(arrays: Arrays) -> Rounding:
    decisions: dict[str, Decision] = {}
    for number, name in enumerate(arrays["populations"].tolist()):
        k, current, saturates, has_ties = (float(x) for x in arrays[f"{number}.numbers"].tolist())
        decisions[str(name)] = Decision(
            k=int(k), observed_current=current, saturates=bool(saturates), has_ties=bool(has_ties),
            weights=tuple((int(exponent), arrays[f"{number}.weights.{at}"].astype(np.int64))
                          for at, exponent in enumerate(arrays[f"{number}.exponents"].tolist())),
            gains=_floats(arrays, f"{number}.gains"),
            correction=_floats(arrays, f"{number}.correction"))
    return Rounding(
        decisions,
        dict(zip(map(str, arrays["inputs"].tolist()), map(int, arrays["levels"].tolist()),
                 strict=True)),
        dict(zip(map(str, arrays["adders"].tolist()), map(float, arrays["scales"].tolist()),
                 strict=True)),
        dict(zip(map(str, arrays["targets"].tolist()), map(int, arrays["bits"].tolist()),
                 strict=True)))


def _floats(arrays: Arrays, key: str) -> NDArray[np.float32] | None:
    return arrays[key].astype(np.float32) if key in arrays else None
