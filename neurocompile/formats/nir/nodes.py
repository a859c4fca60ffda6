"""NIR 1.0.8 in memory: its node types as frozen dataclasses, and graphs of them.

Names of classes and fields are NIR's own (https://neuroir.org/docs/primitives.html); shapes are
those of one sample. Parameters are finite numpy arrays of float64, or of float32 for weights that
were stored so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Shape = tuple[int, ...]
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Input:
    """Where a graph's input enters."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Output:
    """Where a graph's output leaves."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Joint:
    """Where a nested graph was entered or left, once it is flat."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Affine:
    """`weight @ x + bias`."""

    weight: Floats  # [out, in]
    bias: Floats  # [out]


@dataclass(frozen=True, eq=False)
class Linear:
    """`weight @ x`."""

    weight: Floats  # [out, in]


@dataclass(frozen=True, eq=False)
class Scale:
    """`x * scale`, elementwise."""

    scale: Floats


@dataclass(frozen=True, eq=False)
class Conv1d:
    """Cross-correlation over (channels, length)."""

    weight: Floats  # [out channels, in channels / groups, length]
    bias: Floats  # [out channels]
    stride: tuple[int]
    padding: tuple[int] | str  # "same" or "valid"
    dilation: tuple[int]
    groups: int
    input_shape: tuple[int] | None = None


@dataclass(frozen=True, eq=False)
class Conv2d:
    """Cross-correlation over (channels, height, width)."""

    weight: Floats  # [out channels, in channels / groups, height, width]
    bias: Floats  # [out channels]
    stride: Pair
    padding: Pair | str  # "same" or "valid"
    dilation: Pair
    groups: int
    input_shape: Pair | None = None


@dataclass(frozen=True, eq=False)
class SumPool2d:
    """Sums of windows."""

    kernel_size: Pair
    stride: Pair
    padding: Pair


@dataclass(frozen=True, eq=False)
class AvgPool2d:
    """Means of windows; padding counts."""

    kernel_size: Pair
    stride: Pair
    padding: Pair


@dataclass(frozen=True, eq=False)
class Flatten:
    """Dimensions start_dim to end_dim, both included, made one."""

    start_dim: int
    end_dim: int
    input_type: Shape | None = None


@dataclass(frozen=True, eq=False)
class Delay:
    """`y(t) = x(t - delay)`, in seconds."""

    delay: Floats


@dataclass(frozen=True, eq=False)
class Threshold:
    """1 where x > threshold, else 0."""

    threshold: Floats


@dataclass(frozen=True, eq=False)
class I:
    """`v' = r x`; its output is v."""

    r: Floats


@dataclass(frozen=True, eq=False)
class IF:
    """`v' = r x`; spikes and is reset where v > v_threshold."""

    r: Floats
    v_threshold: Floats
    v_reset: Floats | None = None  # 0


@dataclass(frozen=True, eq=False)
class LI:
    """`tau v' = (v_leak - v) + r x`; its output is v."""

    tau: Floats
    r: Floats
    v_leak: Floats


@dataclass(frozen=True, eq=False)
class LIF:
    """`tau v' = (v_leak - v) + r x`; spikes and is reset where v > v_threshold."""

    tau: Floats
    r: Floats
    v_leak: Floats
    v_threshold: Floats
    v_reset: Floats | None = None  # 0


@dataclass(frozen=True, eq=False)
class CubaLI:
    """`tau_syn i' = -i + w_in x`, `tau_mem v' = (v_leak - v) + r i`; its output is v."""

    tau_syn: Floats
    tau_mem: Floats
    r: Floats
    v_leak: Floats
    w_in: Floats | None = None  # 1


@dataclass(frozen=True, eq=False)
class CubaLIF:
    """A CubaLI that spikes and is reset where v > v_threshold."""

    tau_syn: Floats
    tau_mem: Floats
    r: Floats
    v_leak: Floats
    v_threshold: Floats
    v_reset: Floats | None = None  # 0
    w_in: Floats | None = None  # 1


@dataclass(frozen=True, eq=False)
class NIRGraph:
    """Nodes by name, and edges (from, to) without duplicates; edges into one node add up."""

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]


Neuron = IF | LIF | CubaLIF | Threshold
Integrator = I | LI | CubaLI
Stateless = Affine | Linear | Scale | Conv1d | Conv2d | SumPool2d | AvgPool2d | Flatten
Node = Input | Output | Joint | Stateless | Delay | Neuron | Integrator | NIRGraph
NODE_TYPES: dict[str, type[Node]] = {kind.__name__: kind for kind in (
    Input, Output, Affine, Linear, Scale, Conv1d, Conv2d, SumPool2d, AvgPool2d, Flatten, Delay,
    Threshold, I, IF, LI, LIF, CubaLI, CubaLIF, NIRGraph)}


@dataclass(frozen=True, eq=False)
class NirFile:
    """What a .nir file holds; `ours` is the text that `neurocompile export` put into it."""

    version: str
    graph: NIRGraph
    ours: str | None = None
