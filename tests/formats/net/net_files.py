"""Writes `.net` files as lava-dl does, from layers as nested dictionaries."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Layers = list[dict[str, Any]]


def write_members(group: h5py.Group, members: Mapping[str, Any]) -> None:
    """Groups, text and arrays."""
    for name, value in members.items():
        if isinstance(value, dict):
            write_members(group.create_group(name), value)
        elif callable(value):
            value(group, name)
        elif isinstance(value, str):
            group[name] = np.bytes_(value)
        else:
            group[name] = np.asarray(value)


def write(path: Path, layers: Layers, ticks: int | None = 6) -> Path:
    """A file with these layers."""
    with h5py.File(path, "w") as file:
        root = file.create_group("layer")
        for i, layer in enumerate(layers):
            kind = layer.pop("type", None)
            group = root.create_group(str(i))
            if kind is not None:
                group.create_dataset("type", (1,), "S10", [kind.encode()])
            write_members(group, layer)
        if ticks is not None:
            file["simulation/Ts"], file["simulation/tSample"] = 1, ticks
    return path


def cell(i_decay: int = 4096, v_decay: int = 123, threshold: int = 80, **more: Any
         ) -> dict[str, Any]:
    return {"type": "CUBA", "iDecay": i_decay, "vDecay": v_decay, "vThMant": threshold,
            "refDelay": 1, "gradedSpike": False, **more}


def even(rng: np.random.Generator, *shape: int, scale: float = 20) -> np.ndarray:
    return (2 * np.rint(rng.normal(scale / 4, scale, shape))).clip(-256, 254).astype(np.float32)


def picture(*shape: int, **more: Any) -> dict[str, Any]:
    """An input layer with neurons."""
    return {"type": "input", "shape": shape, "neuron": cell(threshold=90), "weight": [76.0],
            "bias": [14.0], **more}


def frames(*shape: int) -> dict[str, Any]:
    """An input layer without neurons: spikes come in."""
    return {"type": "input", "shape": shape}


def dense(weight: np.ndarray, **more: Any) -> dict[str, Any]:
    return {"type": "dense", "shape": (len(weight),), "weight": weight, "neuron": cell(),
            "inFeatures": weight.size // len(weight), "outFeatures": len(weight), **more}


def conv(weight: np.ndarray, shape: tuple[int, ...], **more: Any) -> dict[str, Any]:
    return {"type": "conv", "shape": shape, "weight": weight, "neuron": cell(),
            "stride": (2, 1), "padding": (1, 0), "dilation": (1, 1), "groups": 1, **more}


def mixture(seed: int = 0) -> Layers:
    """spikes 2x6x5 -> conv 4x3x3 -> flatten -> dense with current -> read-out."""
    rng = np.random.default_rng(seed)
    return [frames(2, 6, 5),
            conv(even(rng, 4, 2, 3, 3, 1), (4, 3, 3), bias=even(rng, 4, scale=5)),
            {"type": "flatten", "shape": (36, 1, 1)},
            dense(even(rng, 12, 36), bias=even(rng, 12, scale=4), neuron=cell(1024, 200, 300)),
            {"type": "dense", "shape": (3,), "weight": even(rng, 3, 12)}]


def with_delays(seed: int = 1) -> Layers:
    """spikes 8 -> dense, a delay per neuron -> dense, a delay per input."""
    rng = np.random.default_rng(seed)
    first, second = even(rng, 10, 8, scale=30), even(rng, 5, 10, scale=40)
    return [frames(8),
            dense(first, delay=np.array([0, 0, 1, 1, 2, 0, 3, 2, 0, 4], np.float32)),
            dense(second, delay=np.array([1, 0, 0, 1, 2, 0, 0, 1, 1, 0], np.float32))]


def recurrent(seed: int = 2) -> Layers:
    """spikes 7 -> dense with feedback and current -> dense."""
    rng = np.random.default_rng(seed)
    return [frames(7),
            dense(even(rng, 9, 7, scale=40), type="dense_rec", bias=even(rng, 9, scale=8),
                  weight_rec=even(rng, 9, 9, scale=30), neuron=cell(2048, 300, 120)),
            dense(even(rng, 4, 9, scale=40))]


def of_picture(seed: int = 3) -> Layers:
    """image 6 -> its neurons -> dense -> dense."""
    rng = np.random.default_rng(seed)
    return [picture(6), dense(even(rng, 8, 6, scale=40)),
            dense(even(rng, 5, 8, scale=40), bias=even(rng, 5, scale=6))]


MAKERS: dict[str, Callable[[], Layers]] = {
    "mixed": mixture, "delayed": with_delays, "recurrent": recurrent, "pictured": of_picture}


def file_of_lava(name: str) -> Path:
    """A file that lies in the lava-dl wheel's tests."""
    distribution = importlib.metadata.distribution("lava-dl")
    return Path(str(distribution.locate_file(f"tests/lava/lib/dl/netx/{name}")))
