"""Writes lava-dl's `.net` files (HDF5); the same network gives the same bytes."""

from __future__ import annotations

import math

import h5py
import numpy as np

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


def net_bytes(net: NetFile) -> bytes:
    """The file of a network. Numbers that no layer has are flattening layers, 0 is the input."""
    with h5py.File("net", "w", driver="core", backing_store=False, track_order=False) as file:
        file["simulation/Ts"] = 1
        if net.ticks is not None:
            file["simulation/tSample"] = net.ticks
        layers = file.create_group("layer")
        shape: Shape = ()
        for i in range(max(net.layers, default=0) + 1):
            group = layers.create_group(str(i))
            if i in net.layers:
                shape = _write_layer(group, net.layers[i])
            elif i == 0:
                shape = _write_input(group, net.input)
            else:
                shape = (math.prod(shape),)
                _write_head(group, "flatten", shape)
        file.flush()
        return bytes(file.id.get_file_image())


def _write_head(group: h5py.Group, kind: str, shape: Shape) -> None:
    group["type"] = np.bytes_(kind)
    group["shape"] = np.array(shape, np.int64)


def _write_input(group: h5py.Group, layer: InputLayer) -> Shape:
    _write_head(group, "input", layer.shape)
    if layer.cell is not None:
        _write_cell(group, layer.cell)
    if layer.weight != INPUT_WEIGHT:
        group["weight"] = layer.weight
    if layer.bias != INPUT_BIAS:
        group["bias"] = layer.bias
    return layer.shape


def _write_cell(group: h5py.Group, cell: Cell) -> None:
    neuron = group.create_group("neuron")
    neuron["type"] = np.bytes_("LOIHI")
    neuron["iDecay"], neuron["vDecay"] = cell.i_decay, cell.v_decay
    neuron["vThMant"] = cell.threshold


def _write_layer(group: h5py.Group, layer: Layer) -> Shape:
    if isinstance(layer, ConvLayer):
        _write_conv(group, layer)
    else:
        _write_dense(group, layer)
    return layer.shape


def _write_bias(group: h5py.Group, bias: Ints, shape: Shape) -> None:
    group["bias"] = np.broadcast_to(bias, shape).transpose().astype(np.int32)


def _write_conv(group: h5py.Group, layer: ConvLayer) -> None:
    _write_head(group, "conv", layer.shape)
    _write_cell(group, layer.cell)
    if layer.bias is not None:
        _write_bias(group, layer.bias, layer.shape)
    group["weight"] = layer.weight.astype(np.int32)
    for key, pair in (("stride", layer.stride), ("padding", layer.padding),
                      ("dilation", layer.dilation)):
        group[key] = np.array(pair, np.int64)
    group["groups"] = layer.groups
    group["inChannels"] = layer.weight.shape[1] * layer.groups
    group["outChannels"] = layer.shape[0]
    group["kernelSize"] = np.array(layer.weight.shape[2:], np.int64)


def _write_dense(group: h5py.Group, layer: DenseLayer) -> None:
    _write_head(group, "dense" if layer.recurrent is None else "dense_rec", layer.shape)
    if layer.cell is not None:
        _write_cell(group, layer.cell)
    if layer.bias is not None:
        _write_bias(group, layer.bias, layer.shape)
    group["weight"] = layer.weight.astype(np.int32)
    group["inFeatures"], group["outFeatures"] = reversed(layer.weight.shape)
    if layer.delay is not None:
        group["delay"] = layer.delay.astype(np.int32)
    if layer.recurrent is not None:
        group["weight_rec"] = layer.recurrent.astype(np.int32)
