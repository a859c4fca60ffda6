"""What our own export adds to a .nir file, so that its import needs no option and is exact.

A JSON text in the root graph's metadata: the tick, the ticks of a sample, how inputs are given and
outputs read, and each neuron's normal form. The nodes beside it say the same as far as NIR can;
where they no longer agree, somebody changed the file, and the text is refused.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir.producers import Meaning
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.profiles import nir
from neurocompile.semantics.reset import Reset

FORMAT = 1
KINDS = ("static", "analog", "spikes")
MAX_TICKS = 10_000
Ticks = Literal["sum", "each"] | int  # of a readout, as `ir.network.Readout` has them


@dataclass(frozen=True)
class InputForm:
    """How an input is given: a key of KINDS, and the range that its values had."""

    kind: str
    low: float
    high: float


@dataclass(frozen=True)
class Ours:
    """What a file of ours says beyond NIR."""

    dt: float  # seconds per tick
    n_ticks: int  # per sample
    inputs: Mapping[str, InputForm]
    neurons: Mapping[str, FloatNeuron]
    outputs: Mapping[str, Ticks]

    def encode(self) -> str:
        """The JSON text."""
        neurons = {name: dataclasses.asdict(neuron) | {"reset": neuron.reset.name}
                   for name, neuron in self.neurons.items()}
        inputs = {name: dataclasses.asdict(form) for name, form in self.inputs.items()}
        return json.dumps({"format": FORMAT, "dt": self.dt, "n_ticks": self.n_ticks,
                           "inputs": inputs, "neurons": neurons, "outputs": dict(self.outputs)},
                          sort_keys=True)

    def meaning(self, node: n.Node, name: str) -> Meaning:
        """What a neuron node stands for. Raises ValueError where text and node disagree."""
        neuron = self.neurons[name]
        if not _same(node, nir_node(neuron, self.dt, ())):
            raise ValueError(f"the parameters of `{name}` were changed after the export")
        return Meaning(*nir.normal(neuron))

    def ticks_of(self, node: n.Delay) -> Any:
        """A delay in ticks. Raises ValueError."""
        exact = np.asarray(node.delay, np.float64) / self.dt
        ticks = np.rint(exact)
        if np.any(np.abs(exact - ticks) > 1e-6) or np.any((ticks < 0) | (ticks > MAX_TICKS)):
            raise ValueError("a delay is no whole number of ticks")
        return ticks.astype(np.int64)


def single(value: float) -> float:
    """The number as float32 holds it: what imported networks compute with."""
    return float(np.float32(value))


def nir_node(neuron: FloatNeuron, dt: float, shape: n.Shape) -> n.IF | n.LIF | n.CubaLIF:
    """The NIR node of a neuron: Euler steps of dt give its normal form.

    Raises ValueError for what has no time constant: a synaptic current that never decays.
    """
    def full(value: float) -> n.Floats:
        return np.full(shape, value)
    rest: dict[str, Any] = {"v_threshold": full(neuron.v_th), "v_reset": full(0.0)}
    if neuron.alpha is None and neuron.decay == 1.0:
        return n.IF(r=full(1.0 / dt), **rest)
    if not all(0.0 <= keep < 1.0 for keep in (neuron.decay, neuron.alpha or 0.0)):
        raise ValueError("a state that does not decay has no finite time constant")
    tau = dt / (1.0 - neuron.decay)
    leak = {"r": full(tau / dt), "v_leak": full(0.0)}
    if neuron.alpha is None:
        return n.LIF(tau=full(tau), **leak, **rest)
    tau_syn = dt / (1.0 - neuron.alpha)
    return n.CubaLIF(tau_syn=full(tau_syn), tau_mem=full(tau), w_in=full(tau_syn / dt),
                     **leak, **rest)


def _same(node: n.Node, expected: n.Node) -> bool:
    return type(node) is type(expected) and all(
        np.all(np.asarray(getattr(node, field)) == value)
        for field, value in vars(expected).items())


def decode(text: str) -> Ours:
    """What an export wrote. Raises ValueError for any other text."""
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise ValueError(f"its format is {data['format']}, read is {FORMAT}")
        inputs = {str(name): InputForm(str(entry["kind"]), _number(entry["low"]),
                                       _number(entry["high"]))
                  for name, entry in data["inputs"].items()}
        neurons = {str(name): _neuron(entry) for name, entry in data["neurons"].items()}
        outputs = {str(name): _ticks(entry) for name, entry in data["outputs"].items()}
        ours = Ours(dt=_number(data["dt"]), n_ticks=data["n_ticks"], inputs=inputs,
                    neurons=neurons, outputs=outputs)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"the text of its export is damaged ({error})") from None
    if not (ours.dt > 0 and type(ours.n_ticks) is int and 1 <= ours.n_ticks <= MAX_TICKS
            and all(form.kind in KINDS and form.low <= form.high for form in inputs.values())
            and all(ticks < ours.n_ticks for ticks in outputs.values()
                    if isinstance(ticks, int))):
        raise ValueError("the text of its export holds impossible numbers")
    return ours


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _ticks(value: Any) -> Ticks:
    if value == "sum" or value == "each":
        return "sum" if value == "sum" else "each"
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is no tick")
    return value


def _neuron(data: Any) -> FloatNeuron:
    alpha = None if data["alpha"] is None else _number(data["alpha"])
    if type(data["strict"]) is not bool or (alpha is not None) != (data["model"] == "CubaLIF"):
        raise TypeError("a neuron is none")
    if data["model"] not in ("IF", "LIF", "CubaLIF"):
        raise TypeError(f"no neuron is a {data['model']!r}")
    return FloatNeuron(
        model=data["model"], decay=_number(data["decay"]), v_th=_number(data["v_th"]),
        strict=data["strict"], reset=Reset[data["reset"]], alpha=alpha)
