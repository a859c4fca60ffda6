"""Reader of lava-dl's `.net` files (HDF5): a whitelist of layers, sizes checked before reading.

Follows what netx of lava-dl 0.6.0 builds from a file (`netx/hdf5.py`). What netx itself leaves out
although the file says it is refused (NC118), as is everything that it does not know.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NoReturn

import numpy as np

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.hdf5 import open_hdf5
from neurocompile.formats.hdf5_reader import Group
from neurocompile.formats.net.layers import (
    INPUT_BIAS,
    INPUT_WEIGHT,
    Cell,
    ConvLayer,
    DenseLayer,
    InputLayer,
    Ints,
    Layer,
    NetFile,
    Shape,
)

MAX_LAYERS, MAX_NEURONS, MAX_TICKS, MAX_DELAY = 1000, 1 << 24, 100_000, 62
WEIGHT_LIMIT = 1 << 23  # beyond it, one spike overflows any register
DECAY_ONE, V_TH_LIMIT = 4096, 1 << 17
UNREAD = {  # of a neuron: the only values with which netx, which ignores them, is right
    "refDelay": (1,), "gradedSpike": (0,), "wgtExp": (0,)}
TRAINING = ("theta", "tauRho", "scaleRho")  # of a neuron: used in training only
SIZES = ("inFeatures", "outFeatures", "inChannels", "outChannels", "kernelSize")  # said twice
KINDS = {
    "average": "netx does not build it; read the spikes before it",
    "pool": "netx does not build it; write it as a convolution with groups = channels",
    "convT": "netx does not build it", "unpool": "netx does not build it",
    "concat": "netx does not build it: a .net file is a chain",
    "dense_comp": "complex weights belong to resonate-and-fire neurons",
}
NEURONS = {"SDNN": "sigma-delta neurons send graded changes, not spikes",
           "RF_PHASE": "a resonate-and-fire neuron oscillates, which no integrate-and-fire does",
           "RF_IZ": "a resonate-and-fire neuron oscillates, which no integrate-and-fire does"}


def read_net(path: Path) -> NetFile:
    """The network in a file.

    Raises UsageError: NC003 for a file that is damaged or contradicts itself, NC004 for one that
    describes more than it holds, NC118 for what has no form here.
    """
    with open_hdf5(path, "a lava-dl network") as file:
        return _Reader(path).net(Group(file, file.root))


class _Reader:
    """Reads layer by layer; `shape` is that of the layer before, (C, H, W) or (N,)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shape: Shape = ()
        self.neurons = 0

    def net(self, root: Group) -> NetFile:
        root.only("layer", "simulation")
        ticks = None
        if "simulation" in root:
            simulation = root.group("simulation")
            if "tSample" in simulation:
                ticks = simulation.number("tSample", 1, MAX_TICKS)
        groups = root.group("layer")
        names = groups.names(MAX_LAYERS)
        if set(names) != {str(i) for i in range(len(names))}:
            groups.fail("its layers are not numbered from 0 on")
        first, layers = None, {}
        for i in range(len(names)):
            group = groups.group(str(i))
            kind = group.word("type")
            if kind == "input":
                if first is not None:
                    group.fail("an input comes after the first layer")
                first = self._input(group)
            elif kind == "flatten":
                group.only("type", "shape")
                self.shape = (math.prod(self.shape),) if self.shape else ()
            else:
                first = first or self._missing_input(group, kind)
                layers[i] = self._layer(group, kind)
        if first is None or (not layers and first.cell is None):
            groups.fail("it has no neurons")
        bare = [i for i, layer in layers.items() if layer.cell is None]
        if bare and bare != [max(layers)]:
            self._refuse("dense", groups.group(str(bare[0])),
                         "without a neuron group it never spikes, and layers follow")
        return NetFile(first, layers, ticks)

    def _refuse(self, kind: str, group: Group, reason: str) -> NoReturn:
        raise UsageError(Diagnostic("NC118", Location(file=str(self.path)), {
            "file": str(self.path), "kind": kind, "where": group.where, "reason": reason}))

    def _enter(self, shape: Shape, group: Group) -> None:
        """`shape` is what the next layer gets."""
        self.neurons += math.prod(shape)
        if self.neurons > MAX_NEURONS:
            group.large(self.neurons * 8, MAX_NEURONS * 8)
        self.shape = shape

    def _shape(self, group: Group) -> Shape:
        shape = tuple(int(n) for n in group.integers("shape", 1, MAX_NEURONS, most=3).reshape(-1))
        if len(shape) not in (1, 3):
            group.fail(f"`shape` is {shape}, not (neurons,) or (channels, height, width)")
        return shape

    def _input(self, group: Group) -> InputLayer:
        group.only("type", "shape", "neuron", "weight", "bias", unknown=self._unknown)
        cell = self._cell(group.group("neuron")) if "neuron" in group else None
        self._enter(self._shape(group), group)
        limit = WEIGHT_LIMIT
        weight = group.number("weight", -limit, limit) if "weight" in group else INPUT_WEIGHT
        bias = group.number("bias", -limit, limit) if "bias" in group else INPUT_BIAS
        return InputLayer(self.shape, cell, weight, bias)

    def _missing_input(self, group: Group, kind: str) -> InputLayer:
        """Spikes straight into a first dense layer, whose weights say how many."""
        if kind not in ("dense", "dense_rec"):
            if kind == "conv":
                group.fail("no input layer says what shape it takes")
            return InputLayer((1,), None)  # the layer itself is refused next
        size = math.prod(self._shape(group))
        total = math.prod(group.size_of("weight"))
        if total % size:
            group.fail("its weights do not divide by its neurons")
        self._enter((max(total // size, 1),), group)
        return InputLayer(self.shape, None)

    def _unknown(self, group: Group, name: str) -> NoReturn:
        self._refuse(name, group, "it is no part of a layer that netx knows")

    def _layer(self, group: Group, kind: str) -> Layer:
        if kind in ("dense", "dense_rec"):
            return self._dense(group, kind == "dense_rec")
        if kind == "conv":
            return self._conv(group)
        self._refuse(kind, group, KINDS.get(kind, "netx has no such layer"))

    def _dense(self, group: Group, recurrent: bool) -> DenseLayer:
        extra = ("weight_rec",) if recurrent else ()
        group.only("type", "shape", "neuron", "weight", "bias", "delay", *extra, *SIZES,
                   unknown=self._unknown)
        if group.is_group("weight"):
            self._refuse("weight/real", group, KINDS["dense_comp"])
        fan_in, size = math.prod(self.shape), math.prod(self._shape(group))
        weight = self._weights(group, "weight", (size, fan_in))
        feedback = self._weights(group, "weight_rec", (size, size)) if recurrent else None
        delay = self._delay(group, (size, fan_in)) if "delay" in group else None
        if delay is not None and recurrent:
            self._refuse("delay", group, "netx drops the weight exponent of a delayed dense_rec")
        cell = self._cell(group.group("neuron")) if "neuron" in group else None
        if cell is None and (recurrent or "bias" in group):
            self._refuse("dense", group, "without a neuron group it is read, and here it is more")
        bias = None
        if "bias" in group:
            bias = group.integers("bias", -WEIGHT_LIMIT, WEIGHT_LIMIT).reshape(-1)
            if bias.size not in (1, size):
                group.fail(f"`bias` has {bias.size} numbers for {size} neurons")
            bias = np.broadcast_to(bias, (size,))
        self._enter((size,), group)
        return DenseLayer(weight=weight, cell=cell, bias=bias, delay=delay, recurrent=feedback)

    def _weights(self, group: Group, name: str, shape: tuple[int, int]) -> Ints:
        size = group.size_of(name)
        if math.prod(size) != math.prod(shape) or (len(size) > 1 and size[:2] != shape):
            group.fail(f"`{name}` is {size}, not {shape}")
        return group.integers(name, -WEIGHT_LIMIT, WEIGHT_LIMIT).reshape(shape)

    def _delay(self, group: Group, shape: tuple[int, int]) -> Ints | None:
        """Per synapse; one number a row, or a column where that is no row's, as netx takes them."""
        delay = group.integers("delay", 0, 1 << 30)
        if delay.max() > MAX_DELAY:
            self._refuse("delay", group, f"netx cuts delays beyond {MAX_DELAY}")
        size = delay.shape
        if size == shape[:1]:
            delay = delay[:, None]
        elif size not in ((), shape[1:], shape):
            group.fail(f"`delay` is {size} for weights {shape}")
        return np.broadcast_to(delay, shape) if delay.any() else None

    def _conv(self, group: Group) -> ConvLayer:
        group.only("type", "shape", "neuron", "weight", "bias", "delay", "stride", "padding",
                   "dilation", "groups", *SIZES, unknown=self._unknown)
        if "delay" in group and group.integers("delay", 0, 1 << 30).any():
            self._refuse("delay", group, "netx ignores delays of convolutions")
        if group.is_group("weight"):
            self._refuse("weight/real", group, KINDS["dense_comp"])
        shape, before = self._shape(group), self.shape
        stride, padding, dilation = (
            self._pair(group, name, low) for name, low in (
                ("stride", 1), ("padding", 0), ("dilation", 1)))
        groups = group.number("groups", 1, MAX_NEURONS)
        size = group.size_of("weight")
        if len(before) != 3 or len(shape) != 3 or before[0] % groups or shape[0] % groups:
            group.fail(f"a convolution in {groups} groups from {before} to {shape}")
        if len(size) not in (4, 5) or size[4:] not in ((), (1,)) or (
                size[:2] != (shape[0], before[0] // groups)):
            group.fail(f"`weight` is {size} from {before} to {shape} in {groups} groups")
        out = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(
            before[1:], padding, dilation, size[2:4], stride, strict=True))
        if out != shape[1:]:
            group.fail(f"its stride, padding and kernel give {out}, its shape says {shape[1:]}")
        weight = group.integers("weight", -WEIGHT_LIMIT, WEIGHT_LIMIT).reshape(size[:4])
        bias = self._conv_bias(group, shape) if "bias" in group else None
        if "neuron" not in group:
            group.fail("a convolution without a neuron")
        self._enter(shape, group)
        return ConvLayer(shape=shape, weight=weight, stride=stride, padding=padding,
                         dilation=dilation, groups=groups, bias=bias,
                         cell=self._cell(group.group("neuron")))

    def _pair(self, group: Group, name: str, low: int) -> tuple[int, int]:
        """(vertical, horizontal)."""
        values = group.integers(name, low, MAX_NEURONS, most=2).reshape(-1)
        return int(values[0]), int(values[-1])

    def _conv_bias(self, group: Group, shape: Shape) -> Ints:
        """One number a channel, or (width, height, channels)."""
        bias = group.integers("bias", -WEIGHT_LIMIT, WEIGHT_LIMIT)
        if bias.shape == shape[::-1]:
            return bias.transpose().copy()
        if bias.shape != shape[:1]:
            group.fail(f"`bias` is {bias.shape} for neurons {shape}")
        return bias.reshape(-1, 1, 1)

    def _cell(self, group: Group) -> Cell:
        kind = group.word("type")
        if kind not in ("LOIHI", "CUBA"):
            self._refuse(kind, group, NEURONS.get(kind, "only LOIHI and CUBA neurons are read"))
        group.only("type", "iDecay", "vDecay", "vThMant", *UNREAD, *TRAINING,
                   unknown=self._unknown)
        for name, values in UNREAD.items():
            if name in group and group.number(name, -WEIGHT_LIMIT, WEIGHT_LIMIT) not in values:
                self._refuse(name, group, f"netx ignores it, and so is right for {values[0]} only")
        return Cell(group.number("iDecay", 0, DECAY_ONE), group.number("vDecay", 0, DECAY_ONE),
                    group.number("vThMant", 0, V_TH_LIMIT - 1))
