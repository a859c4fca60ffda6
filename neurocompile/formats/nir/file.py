"""Reads .nir files: a whitelist of NIR's node types and fields, taken from the HDF5 tree itself.

Layout as `nir` 1.0.8 writes it: `version`, and `node`, a group per node with its `type` and
fields; a graph's nodes lie in `nodes`, its edges in `edges`. Metadata is not read, but for the text
that our own export leaves in the root graph.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.hdf5 import Hdf5File, open_hdf5
from neurocompile.formats.nir import nodes as n

VERSIONS = re.compile(r"(0\.\d{1,3}|1\.0)(\.[0-9a-z]{1,12}){0,3}")
METADATA = "neurocompile"  # our entry in the root graph's metadata
MAX_DEPTH = 32
_LARGEST = 1 << 31  # of a whole number

Field: TypeAlias = h5py.Dataset | h5py.Group


def load_nir(path: Path) -> n.NirFile:
    """The graph in a .nir file.

    Raises UsageError: NC003 when the file is damaged, holds links or what NIR has not, or is of
    another version; NC004 for sizes; NC118 for an unknown node type; NC307 for NaN or infinity.
    """
    with open_hdf5(path, "a NIR file") as file:
        return _Reader(file).read()


class _Reader:
    def __init__(self, file: Hdf5File) -> None:
        self.file = file

    def read(self) -> n.NirFile:
        root = self.file.children(self.file.root)
        version = self._text(root, "version", "the file")
        if not VERSIONS.fullmatch(version):
            raise self.file.bad(f"its version is `{version}`; read are 0.x and 1.0.x")
        node = root.get("node")
        if not isinstance(node, h5py.Group):
            raise self.file.bad("it has no group `node`")
        members = self.file.children(node)
        ours = None
        metadata = members.get("metadata")
        if isinstance(metadata, h5py.Group):
            entry = self.file.children(metadata).get(METADATA)
            if isinstance(entry, h5py.Dataset):
                ours = self._one(entry)
        graph = self._node(members, "(root)", 0)
        if not isinstance(graph, n.NIRGraph):
            raise self.file.bad("its root is no NIRGraph")
        return n.NirFile(version, graph, ours)

    def _one(self, data: h5py.Dataset) -> str:
        texts = self.file.texts(data)
        if len(texts) != 1:
            raise self.file.bad(f"`{data.name}` is not one text")
        return texts[0]

    def _text(self, members: dict[str, Field], name: str, where: str) -> str:
        data = members.get(name)
        if not isinstance(data, h5py.Dataset):
            raise self.file.bad(f"{where} has no `{name}`")
        return self._one(data)

    def _node(self, members: dict[str, Field], name: str, depth: int) -> n.Node:
        kind = self._text(members, "type", f"node `{name}`")
        cls = n.NODE_TYPES.get(kind)
        if cls is None:
            raise UsageError(Diagnostic("NC118", Location(name, str(self.file.path)), {
                "file": str(self.file.path), "kind": kind, "where": name,
                "reason": f"known: {', '.join(n.NODE_TYPES)}"}))
        if depth > MAX_DEPTH:
            raise self.file.bad(f"graphs are nested more than {MAX_DEPTH} deep")
        names = {"shape"} if cls in (n.Input, n.Output) else {f.name for f in fields(cls)}
        unknown = sorted(members.keys() - names - {"type", "metadata"})
        if unknown:
            raise self.file.bad(f"the {kind} `{name}` has the unknown field `{unknown[0]}`")
        if cls is n.NIRGraph:
            return self._graph(members, name, depth)
        values: dict[str, Any] = {}
        for field in fields(cls):
            data = members.get(field.name)
            if isinstance(data, h5py.Dataset):
                values[field.name] = self._value(cls, field.name, data, f"{name}.{field.name}")
            elif field.default is MISSING or data is not None:
                raise self.file.bad(f"the {kind} `{name}` has no `{field.name}`")
        return cls(**values)

    def _graph(self, members: dict[str, Field], name: str, depth: int) -> n.NIRGraph:
        group, edges = members.get("nodes"), members.get("edges")
        if not isinstance(group, h5py.Group) or not isinstance(edges, h5py.Dataset):
            raise self.file.bad(f"the graph `{name}` has no nodes or no edges")
        nodes: dict[str, n.Node] = {}
        prefix = "" if depth == 0 else f"{name}."
        for key, child in self.file.children(group).items():
            if not isinstance(child, h5py.Group):
                raise self.file.bad(f"`{child.name}` is no node")
            nodes[key] = self._node(self.file.children(child), prefix + key, depth + 1)
        return n.NIRGraph(nodes, self._edges(edges))

    def _edges(self, data: h5py.Dataset) -> tuple[tuple[str, str], ...]:
        if data.shape == (0,) or data.shape == (0, 2):
            return ()
        if data.shape is None or len(data.shape) != 2 or data.shape[1] != 2:
            raise self.file.bad(f"`{data.name}` is no list of pairs")
        texts = self.file.texts(data)
        return tuple(zip(texts[::2], texts[1::2], strict=True))

    def _value(self, cls: type[n.Node], field: str, data: h5py.Dataset, name: str) -> Any:
        if field in ("stride", "dilation", "kernel_size", "padding", "input_shape"):
            if field == "padding" and h5py.check_string_dtype(data.dtype) is not None:
                text = self._one(data)
                if text not in ("same", "valid"):
                    raise self.file.bad(f"`{name}` is `{text}`; it can be `same` or `valid`")
                return text
            size = 1 if cls is n.Conv1d else 2
            numbers = self._whole(data, name, 0 if field == "padding" else 1)
            if len(numbers) not in (1, size) or (field == "input_shape" and len(numbers) != size):
                raise self.file.bad(f"`{name}` has {len(numbers)} values")
            return numbers * size if len(numbers) == 1 else numbers
        if field in ("shape", "input_type"):
            return self._whole(data, name, 1)
        if field in ("groups", "start_dim", "end_dim"):
            numbers = self._whole(data, name, 1 if field == "groups" else -_LARGEST)
            if len(numbers) != 1:
                raise self.file.bad(f"`{name}` has {len(numbers)} values")
            return numbers[0]
        return self._floats(data, name)

    def _whole(self, data: h5py.Dataset, name: str, low: int) -> tuple[int, ...]:
        """A short list of whole numbers."""
        if data.shape is None or data.ndim > 1 or data.size > 16:
            raise self.file.bad(f"`{name}` is no short list of numbers")
        array = np.asarray(self.file.numbers(data), np.float64).reshape(-1)
        if not np.all((array == np.round(array)) & (array >= low) & (array <= _LARGEST)):
            raise self.file.bad(f"`{name}` is {array.tolist()}, not whole numbers from {low:,}")
        return tuple(int(v) for v in array)

    def _floats(self, data: h5py.Dataset, name: str) -> n.Floats:
        array = self.file.numbers(data)
        if array.dtype != np.float32:
            array = array.astype(np.float64)
        wrong = np.flatnonzero(~np.isfinite(array))
        if wrong.size:
            index = tuple(int(i) for i in np.unravel_index(int(wrong[0]), array.shape))
            raise UsageError(Diagnostic("NC307", Location(name, str(self.file.path)), {
                "name": name, "count": int(wrong.size), "index": str(index)}))
        return array
