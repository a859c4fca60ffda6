"""What a neuron takes and gives, by name: the one place that knows in which order.

A node takes (x_seq [T, ...], each state before the first tick[, y_seq]) and gives (s_seq [T, ...],
each state after the last tick), the states in the order of its model (`floating.MODELS`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import onnx
import onnx_ir as ir

from neurocompile.semantics.floating import MODELS, States

DOMAIN, DOMAIN_VERSION = "ai.neurocompile", 1
MODULE_ATTRIBUTE = "module"
T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True)
class Inputs(Generic[T]):
    """What a neuron takes: values of a graph, their names, or tensors."""

    current: T
    initial: Mapping[str, T]  # each state before the first tick
    second: T | None = None  # a second current, added in an addition of its own

    @classmethod
    def of(cls, states: States, values: Sequence[T]) -> Inputs[T]:
        """What a node takes, from all that it takes in order."""
        current, *rest = values
        initial, more = rest[:len(states)], rest[len(states):]
        return cls(current, dict(zip(states, initial, strict=True)), more[0] if more else None)

    def in_order(self, states: States) -> tuple[T, ...]:
        """All of it, as a node with these states takes it."""
        more = () if self.second is None else (self.second,)
        return (self.current, *(self.initial[name] for name in states), *more)


@dataclass(frozen=True, eq=False, slots=True)
class Outputs(Generic[T]):
    """What a neuron gives: values of a graph, their names, or tensors."""

    spikes: T
    final: Mapping[str, T]  # each state after the last tick

    @classmethod
    def of(cls, states: States, values: Sequence[T]) -> Outputs[T]:
        """What a node gives, from all that it gives in order."""
        spikes, *final = values
        return cls(spikes, dict(zip(states, final, strict=True)))

    def in_order(self, states: States) -> tuple[T, ...]:
        """All of it, as a node with these states gives it."""
        return (self.spikes, *(self.final[name] for name in states))


@dataclass(frozen=True, slots=True)
class NeuronNode:
    """A population of a Graph: a node `IF`, `LIF`, `CubaLIF` or `LI` of our domain."""

    node: ir.Node

    @property
    def states(self) -> States:
        """The names of what it carries from tick to tick."""
        return MODELS[self.node.op_type]

    @property
    def module(self) -> str:
        """The path of its module, as the user wrote it."""
        return str(self.node.attributes[MODULE_ATTRIBUTE].value)

    @property
    def constants(self) -> dict[str, float]:
        """The numbers that its profile needs, by name."""
        return {name: float(attribute.value) for name, attribute in self.node.attributes.items()
                if name != MODULE_ATTRIBUTE}

    @property
    def _inputs(self) -> Inputs[ir.Value | None]:
        return Inputs.of(self.states, self.node.inputs)

    @property
    def _outputs(self) -> Outputs[ir.Value]:
        return Outputs.of(self.states, self.node.outputs)

    @property
    def current(self) -> ir.Value | None:
        """What it integrates [T, ...]."""
        return self._inputs.current

    @property
    def second_current(self) -> ir.Value | None:
        """What it integrates beside that; None for neurons of one input."""
        return self._inputs.second

    @property
    def currents(self) -> list[ir.Value]:
        """All that it integrates."""
        return [value for value in (self.current, self.second_current) if value is not None]

    @property
    def initial(self) -> Mapping[str, ir.Value | None]:
        """Each state before the first tick."""
        return self._inputs.initial

    @property
    def spikes(self) -> ir.Value:
        """What it emits [T, ...]."""
        return self._outputs.spikes

    @property
    def train(self) -> str:
        """The name of what it emits."""
        return self.spikes.name or ""

    @property
    def final(self) -> Mapping[str, ir.Value]:
        """Each state after the last tick."""
        return self._outputs.final


def is_neuron(node: ir.Node | onnx.NodeProto) -> bool:
    """Whether a node is a population."""
    return bool(node.domain == DOMAIN)


def as_neuron(node: ir.Node | None) -> NeuronNode | None:
    """The population that a node is; None for any other node."""
    return NeuronNode(node) if node is not None and is_neuron(node) else None
