"""Writes NIR graphs as HDF5, laid out as `nir` 1.0.8 does; the same graph gives the same bytes."""

from __future__ import annotations

import io

import h5py
import numpy as np

from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir.file import METADATA

VERSION = "1.0.8"
PACK_FROM = 1024  # bytes from which arrays are packed


def nir_bytes(graph: n.NIRGraph, ours: str | None = None) -> bytes:
    """A .nir file; `ours` becomes our entry in the root graph's metadata."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _text(file, "version", VERSION)
        root = file.create_group("node")
        if ours is not None:
            _text(root.create_group("metadata"), METADATA, ours)
        _write(root, graph)
    return buffer.getvalue()


def _text(group: h5py.Group, name: str, text: str) -> None:
    group.create_dataset(name, data=text, dtype=h5py.string_dtype())


def _write(group: h5py.Group, node: n.Node) -> None:
    _text(group, "type", type(node).__name__)
    if isinstance(node, n.NIRGraph):
        pairs = np.array(node.edges, object).reshape(-1, 2)
        group.create_dataset("edges", data=pairs, dtype=h5py.string_dtype())
        nodes = group.create_group("nodes")
        for name in sorted(node.nodes):
            _write(nodes.create_group(name), node.nodes[name])
        return
    for key, value in vars(node).items():
        if isinstance(value, str):
            _text(group, key, value)
        elif isinstance(value, np.ndarray) and value.nbytes >= PACK_FROM:
            group.create_dataset(key, data=value, compression="gzip", shuffle=True)
        elif value is not None:
            group.create_dataset(key, data=np.asarray(value))
