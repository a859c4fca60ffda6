"""Random networks of every style, legal ones and ones with one fault, with options for a chip.

Equal seeds give equal networks. A fault is something that stands alone: an operator, a neuron, a
readout or a start value that no chip has, or that one chip does not have.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import snntorch
import torch
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from neurocompile.options import ALLOW

T, B, N = 2, 3, 4
TARGETS = ("loihi2", "loihi2", "loihi1", "truenorth")


@dataclass(frozen=True)
class Plan:
    """What is drawn for one network."""

    seed: int
    style: str  # "multi": all ticks at once; "loop": tick by tick
    input: str  # "image", "frames" (real values in each tick), "spikes", "counts"
    neurons: tuple[str, ...]  # kind of each layer
    features: frozenset[str]
    readout: str
    fault: str  # "" for none
    target: str
    options: dict[str, Any] = field(default_factory=dict)


NEURONS: dict[str, Callable[[], nn.Module]] = {
    "if": lambda: neuron.IFNode(step_mode="m"),
    "lif": lambda: neuron.LIFNode(tau=2.0, step_mode="m"),
    "lif plain": lambda: neuron.LIFNode(tau=1.25, decay_input=False, step_mode="m"),
    "lif soft": lambda: neuron.LIFNode(tau=2.0, v_reset=None, step_mode="m"),
    "if soft": lambda: neuron.IFNode(v_reset=None, v_threshold=0.5, step_mode="m"),
    "lif at rest": lambda: neuron.LIFNode(tau=2.0, v_reset=-0.25, v_threshold=0.75, step_mode="m"),
    "plif": lambda: neuron.ParametricLIFNode(init_tau=2.0, step_mode="m"),
}
BAD_NEURONS: dict[str, Callable[[], nn.Module]] = {
    "threshold 0": lambda: neuron.LIFNode(v_threshold=0.0, v_reset=-1.0, step_mode="m"),
    "negative threshold": lambda: neuron.IFNode(v_threshold=-0.5, v_reset=None, step_mode="m"),
    "fast leak": lambda: neuron.LIFNode(tau=1.0001, step_mode="m"),
}
LEAKY: dict[str, Callable[[], nn.Module]] = {
    "leaky": lambda: snntorch.Leaky(beta=0.75),
    "leaky zero": lambda: snntorch.Leaky(beta=0.75, reset_mechanism="zero"),
    "leaky none": lambda: snntorch.Leaky(beta=0.75, reset_mechanism="none"),
    "leaky if": lambda: snntorch.Leaky(beta=1.0),
    "leaky forgets": lambda: snntorch.Leaky(beta=0.0, reset_mechanism="zero"),
}
BAD_LEAKY: dict[str, Callable[[], nn.Module]] = {
    "growing": lambda: snntorch.Leaky(beta=1.25),
    "leaky threshold 0": lambda: snntorch.Leaky(beta=0.5, threshold=0.0),
    "reset twice": lambda: snntorch.Leaky(beta=0.75, reset_delay=False),
    "leaky fast": lambda: snntorch.Leaky(beta=1e-5),
}
OWN = {  # kinds of neurons that a target has, where it has not all
    "loihi1": ("if", "lif", "lif plain", "lif at rest", "plif", "leaky zero", "leaky forgets"),
    "truenorth": ("if", "if soft", "leaky if", "leaky forgets"),
}
FAULTS = (
    "relu", "softmax", "max", "square", "product", "mask", "sort", "layer norm", "time mean",
    "later tick", "batch mean", "opaque encoder", "opaque readout", "residual", "twice",
    "constant neuron", "constant output")
LOOP_FAULTS = (
    "relu", "product", "mask", "residual", "batch mean", "opaque encoder", "opaque readout",
    "by tick", "start", "short loop", "potential fed on", "twice", "constant output")
FEATURES = ("skip", "shortcut", "concat", "norm", "bias", "input again", "gate", "or")
LOOP_FEATURES = ("feedback", "two ticks back", "skip", "bias", "input again", "shortcut")
READOUTS = ("mean", "sum", "each", "last", "scaled", "spikes")


def plan(seed: int) -> Plan:
    """What a seed draws; every second one has a fault."""
    draw = random.Random(seed)
    style, target = draw.choice(("multi", "multi", "loop")), draw.choice(TARGETS)
    kinds, bad = (NEURONS, BAD_NEURONS) if style == "multi" else (LEAKY, BAD_LEAKY)
    own = [kind for kind in kinds if kind in OWN.get(target, kinds) or draw.random() < 0.1]
    neurons = [draw.choice(own) for _ in range(draw.randint(2, 3))]
    faults = FAULTS if style == "multi" else LOOP_FAULTS
    fault = draw.choice((*faults, *bad)) if seed % 2 else ""
    if fault in bad:
        neurons[draw.randrange(len(neurons))], fault = fault, ""
    every = FEATURES if style == "multi" else LOOP_FEATURES
    features = frozenset(one for one in every if draw.random() < 0.2)
    inputs = ("spikes", "spikes", "counts") if target == "truenorth" else (
        "image", "frames", "spikes", "counts")
    options: dict[str, Any] = {"max_loss": 100.0}
    for name, values in (("encoder", ("bias", "graded", "host")), ("streams", ("adder",)),
                         ("readout", ("chip", "host")), ("weight_bits", (8,)),
                         ("timing", ("async",))):
        if draw.random() < 0.08:
            options[name] = draw.choice(values)
    if draw.random() < 0.4 or features & {"gate", "or"}:
        options["allow"] = tuple(one for one in ALLOW if draw.random() < 0.9)
    return Plan(seed, style, draw.choice(inputs), tuple(neurons), features,
                draw.choice(READOUTS), fault, target, options)


class RandomModel(nn.Module):
    """The network of a plan; its weights are multiples of 1/4."""

    def __init__(self, one: Plan) -> None:
        super().__init__()
        self.plan = one
        kinds = {**NEURONS, **BAD_NEURONS, **LEAKY, **BAD_LEAKY}
        self.draw = torch.Generator().manual_seed(one.seed)
        self.spiking = nn.ModuleList(kinds[kind]() for kind in one.neurons)
        width = 2 if "concat" in one.features else 1
        self.layers = nn.ModuleList(
            self._linear(N * (width if k == 1 else 1)) for k in range(len(one.neurons)))
        self.back, self.skip, self.again, self.head = (self._linear(N) for _ in range(4))
        self.norm = nn.BatchNorm1d(N)
        at = random.Random(one.seed)
        self.at = at.randrange(1, len(one.neurons))  # the layer in front of which the fault is
        self.eval()

    def _linear(self, inputs: int) -> nn.Linear:
        layer = nn.Linear(inputs, N, bias="bias" in self.plan.features)
        with torch.no_grad():
            for weight in layer.parameters():
                weight.copy_(torch.randint(-2, 5, weight.shape, generator=self.draw) / 4)
        return layer

    def example(self) -> Tensor:
        """An input with the batch behind the ticks."""
        shape = (B, N) if self.plan.input == "image" else (T, B, N)
        if self.plan.input in ("image", "frames"):
            return torch.rand(shape, generator=self.draw)
        high = 2 if self.plan.input == "spikes" else 4
        return torch.randint(0, high, shape, generator=self.draw).float()

    def forward(self, x: Tensor) -> Tensor:
        if self.plan.fault == "opaque encoder":
            x = torch.sin(x)
        spikes = self._multi(x) if self.plan.style == "multi" else self._loop(x)
        return self._read(spikes)

    def _multi(self, x: Tensor) -> Tensor:
        """All ticks of a layer at once."""
        features = self.plan.features
        x = x.unsqueeze(0).repeat(T, 1, 1) if self.plan.input == "image" else x
        trains: list[Tensor] = []
        stream: Any = 0
        for k, (layer, spiking) in enumerate(zip(self.layers, self.spiking, strict=True)):
            s = x if not trains else trains[-1]
            s = self._fault(s, x) if k == self.at else s
            current = layer(torch.cat([s, s.roll(1, -1)], -1) if (
                "concat" in features and k == 1) else s)
            if "norm" in features and k == 1:
                current = self.norm(current.flatten(0, 1)).unflatten(0, (T, B))
            if "skip" in features and k > 1:
                current = current + self.skip(trains[0])
            if "input again" in features and k == 1:
                current = current + self.again(x)
            if "shortcut" in features:
                stream = current = stream + current
            if self.plan.fault == "constant neuron" and k == self.at:
                current = torch.ones(T, B, N)
            out = spiking(current)
            if "gate" in features and k == 0:
                out = out * out.roll(1, -1)
            if "or" in features and k == 0:
                out = torch.nn.functional.max_pool1d(out, 3, 1, 1)
            trains.append(out)
        return trains[-1]

    def _fault(self, s: Tensor, x: Tensor) -> Tensor:
        """The value behind a fault that is an operator."""
        operators: dict[str, Callable[[Tensor], Tensor]] = {
            "relu": lambda v: torch.relu(v - 0.5), "softmax": lambda v: torch.softmax(v, -1),
            "max": lambda v: v.amax(-1, keepdim=True).expand(v.shape),
            "square": lambda v: (v + v.roll(1, -1)) ** 2,
            "product": lambda v: (v.unsqueeze(-1) @ v.unsqueeze(-2)).mean(-1),
            "mask": lambda v: v * v.roll(1, -1), "sort": lambda v: v.sort(-1).values,
            "layer norm": lambda v: torch.nn.functional.layer_norm(v, (N,)),
            "time mean": lambda v: v.mean(0, keepdim=True).expand(v.shape),
            "later tick": lambda v: v.flip(0),
            "batch mean": lambda v: v + v.mean(-2, keepdim=True),
            "residual": lambda v: v + self.back(v.roll(1, -1)),
            "twice": lambda v: self.spiking[0](self.back(v)),
        }
        make = operators.get(self.plan.fault)
        return s if make is None else make(s)

    def _loop(self, x: Tensor) -> Tensor:
        """Tick by tick, states passed by hand."""
        fault, start = self.plan.fault, 0.25 if self.plan.fault == "start" else 0.0
        memory = [torch.full((B, N), start if k == 0 else 0.0) for k in range(len(self.spiking))]
        history: list[list[Tensor]] = []
        for t in range(T):
            now = x if self.plan.input == "image" else x[t]
            spikes: list[Tensor] = []
            stream: Any = 0
            for k, (layer, spiking) in enumerate(zip(self.layers, self.spiking, strict=True)):
                s = now if not spikes else spikes[-1]
                s = self._loop_fault(s, t, memory[0]) if k == self.at else s
                current = self._more(layer(s), k, now, spikes, history)
                if "shortcut" in self.plan.features:
                    stream = current = stream + current
                if fault == "short loop" and t == T - 1 and k == self.at:
                    spikes.append(s)
                    continue
                out, memory[k] = spiking(current, memory[k])
                if fault == "twice" and k == self.at:
                    out, memory[k] = spiking(self.back(out), memory[k])
                spikes.append(out)
            history.append(spikes)
        return torch.stack([spikes[-1] for spikes in history])

    def _more(self, current: Tensor, k: int, now: Tensor, spikes: list[Tensor],
              history: list[list[Tensor]]) -> Tensor:
        features = self.plan.features
        if "feedback" in features and k == 0 and history:
            current = current + self.back(history[-1][-1])
        elif "feedback" in features and k == 0:
            current = current + self.back(torch.zeros(B, N))
        if "two ticks back" in features and k == 1 and len(history) > 1:
            current = current + self.skip(history[-2][0])
        elif "two ticks back" in features and k == 1:
            current = current + self.skip(torch.zeros(B, N))
        if "skip" in features and k > 1:
            current = current + self.skip(spikes[0])
        if "input again" in features and k == 1:
            current = current + self.again(now)
        return current

    def _loop_fault(self, s: Tensor, t: int, potential: Tensor) -> Tensor:
        operators: dict[str, Callable[[Tensor], Tensor]] = {
            "relu": lambda v: torch.relu(v - 0.5), "mask": lambda v: v * v.roll(1, -1),
            "product": lambda v: (v.unsqueeze(-1) @ v.unsqueeze(-2)).mean(-1),
            "residual": lambda v: v + self.back(v.roll(1, -1)),
            "batch mean": lambda v: v + v.mean(0, keepdim=True),
            "by tick": lambda v: v * (t + 1.0), "potential fed on": lambda v: v + potential,
        }
        make = operators.get(self.plan.fault)
        return s if make is None else make(s)

    def _read(self, spikes: Tensor) -> Tensor:
        if self.plan.fault == "opaque readout":
            return torch.softmax(self.head(spikes).mean(0), -1)
        if self.plan.fault == "constant output":
            return torch.ones(B, N) * 2 + 0 * spikes.detach().mean().round().clamp(0, 0)
        return {"mean": lambda: spikes.mean(0), "sum": lambda: self.head(spikes).sum(0),
                "each": lambda: self.head(spikes), "last": lambda: spikes[-1],
                "scaled": lambda: (self.head(spikes).mean(0) + 1.0) * 0.5,
                "spikes": lambda: spikes}[self.plan.readout]()
