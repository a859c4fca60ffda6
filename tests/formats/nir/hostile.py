"""Hostile and broken .nir files: each writes itself to a path, and names the code that refuses it.

All are changes of one small file that is read. Cases 25 to 28 of the project's list of bad inputs,
and more.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

TEXT = h5py.string_dtype()
Change = Callable[[h5py.File], None]


def write(path: Path, change: Change = lambda _: None) -> None:
    """Input (4) -> Affine -> LIF (3) -> Output (3), changed."""
    with h5py.File(path, "w") as file:
        text(file, "version", "1.0.8")
        text(file, "node/type", "NIRGraph")
        nodes = file.create_group("node/nodes")
        node(nodes, "in", "Input", shape=[4])
        node(nodes, "fc", "Affine", weight=np.ones((3, 4), np.float32), bias=np.zeros(3))
        node(nodes, "lif", "LIF", tau=np.full(3, 1e-3), r=np.ones(3), v_leak=np.zeros(3),
             v_threshold=np.ones(3), v_reset=np.zeros(3))
        node(nodes, "out", "Output", shape=[3])
        edges(file, ("in", "fc"), ("fc", "lif"), ("lif", "out"))
        change(file)


def text(group: h5py.Group, name: str, value: str) -> None:
    """A text, in place of what is there."""
    if name in group:
        del group[name]
    group.create_dataset(name, data=value, dtype=TEXT)


def node(nodes: h5py.Group, name: str, kind: str, **values: Any) -> None:
    """A node, in place of what is there."""
    if name in nodes:
        del nodes[name]
    group = nodes.create_group(name)
    text(group, "type", kind)
    for key, value in values.items():
        group[key] = value


def edges(file: h5py.File, *pairs: tuple[str, str]) -> None:
    """All edges."""
    if "node/edges" in file:
        del file["node/edges"]
    file.create_dataset("node/edges", data=np.array(pairs, object).reshape(-1, 2), dtype=TEXT)


def _substitute(name: str, **options: Any) -> Change:
    """Another data set at a place."""
    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **options)
    return change


def _layer(kind: str, shape: list[int], **values: Any) -> Change:
    """An input of this shape, a node of this kind, an output that never fits."""
    def change(file: h5py.File) -> None:
        nodes = file["node/nodes"]
        node(nodes, "in", "Input", shape=shape)
        node(nodes, "fc", kind, **values)
    return change


def _conv(shape: list[int], **values: Any) -> Change:
    sound: dict[str, Any] = {
        "weight": np.ones((3, 1, 2, 2)), "bias": np.zeros(3), "stride": [1, 1], "padding": [0, 0],
        "dilation": [1, 1], "groups": 1}
    return _layer("Conv2d", shape, **sound | values)


def _value(name: str, index: Any, value: float) -> Change:
    def change(file: h5py.File) -> None:
        file[f"node/nodes/{name}"][index] = value
    return change


def _link(link: Any) -> Change:
    def change(file: h5py.File) -> None:
        del file["node/nodes/fc"]
        file["node/nodes/fc"] = link
    return change


def _soft_loop(file: h5py.File) -> None:
    del file["node/nodes/fc"]
    file["node/nodes/fc"] = h5py.SoftLink("/node/nodes/gc")
    file["node/nodes/gc"] = h5py.SoftLink("/node/nodes/fc")


def _hard_loop(file: h5py.File) -> None:
    inner = file["node/nodes"].create_group("sub")
    text(inner, "type", "NIRGraph")
    inner["nodes"] = file["node/nodes"]
    inner.create_dataset("edges", data=np.array([("in", "out")], object), dtype=TEXT)


def _hard_twin(file: h5py.File) -> None:
    file["node/nodes/twin"] = file["node/nodes/fc"]


def _bomb(file: h5py.File) -> None:
    """1.6 GB of zeros in 2 MB."""
    del file["node/nodes/fc/weight"]
    data = file.create_dataset("node/nodes/fc/weight", (4, 10**8), np.float32, compression="gzip",
                               chunks=(1, 10**6))
    chunk = zlib.compress(bytes(4 * 10**6))
    for row in range(4):
        for column in range(0, 10**8, 10**6):
            data.id.write_direct_chunk((row, column), chunk)


def _overfull_chunk(file: h5py.File) -> None:
    """A chunk of 48 B that unpacks to 100 MB."""
    del file["node/nodes/fc/weight"]
    data = file.create_dataset("node/nodes/fc/weight", (3, 4), np.float32, compression="gzip",
                               chunks=(3, 4))
    data.id.write_direct_chunk((0, 0), zlib.compress(bytes(10**8)))


def _bad_chunk(file: h5py.File) -> None:
    del file["node/nodes/fc/weight"]
    data = file.create_dataset("node/nodes/fc/weight", (3, 4), np.float32, compression="gzip",
                               chunks=(3, 4))
    data.id.write_direct_chunk((0, 0), b"no zlib stream")


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 4), np.float32)
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3, 4))
    del file["node/nodes/fc/weight"]
    file.create_virtual_dataset("node/nodes/fc/weight", layout)


def _vlen(file: h5py.File) -> None:
    del file["node/nodes/fc/bias"]
    data = file.create_dataset("node/nodes/fc/bias", (3,), h5py.vlen_dtype(np.float64))
    data[0] = np.ones(2)


def _named_type(file: h5py.File) -> None:
    file["node/nodes/odd"] = np.dtype("f8")


def _not_utf8(file: h5py.File) -> None:
    del file["node/nodes/fc/type"]
    file.create_dataset("node/nodes/fc/type", data=b"\xff\xfe", dtype=TEXT)


def _nest(file: h5py.File) -> None:
    group = file["node/nodes"]
    for _ in range(200):
        group = group.create_group("sub")
        text(group, "type", "NIRGraph")
        group.create_dataset("edges", data=np.array([("a", "a")], object), dtype=TEXT)
        group = group.create_group("nodes")


def _with_edges(*pairs: tuple[str, str]) -> Change:
    return lambda file: edges(file, *pairs)


def _cycle(file: h5py.File) -> None:
    """A linear cycle: no neuron and no delay on it."""
    node(file["node/nodes"], "a", "Linear", weight=np.eye(4))
    node(file["node/nodes"], "b", "Linear", weight=np.eye(4))
    edges(file, ("in", "a"), ("a", "b"), ("b", "a"), ("a", "fc"), ("fc", "lif"), ("lif", "out"))


def _no_output(file: h5py.File) -> None:
    file.pop("node/nodes/out")
    edges(file, ("in", "fc"), ("fc", "lif"))


def _two_inputs_inside(file: h5py.File) -> None:
    sub = file["node/nodes"].create_group("sub")
    text(sub, "type", "NIRGraph")
    sub.create_dataset("edges", data=np.array([("a", "o"), ("b", "o")], object), dtype=TEXT)
    inner = sub.create_group("nodes")
    for name, kind in (("a", "Input"), ("b", "Input"), ("o", "Output")):
        node(inner, name, kind, shape=[4])
    edges(file, ("in", "sub"), ("sub", "fc"), ("fc", "lif"), ("lif", "out"))


def _ours(**changes: Any) -> Change:
    """Our own metadata, wrong."""
    lif = {"model": "LIF", "decay": 0.9, "v_th": 1.0, "strict": True, "reset": "HARD",
           "alpha": None}
    data: dict[str, Any] = {"format": 1, "dt": 1e-4, "n_ticks": 8, "neurons": {"lif": lif},
                            "inputs": {"in": {"kind": "spikes", "low": 0.0, "high": 1.0}},
                            "outputs": {"out": "sum"}}
    return lambda file: text(file, "node/metadata/neurocompile", json.dumps(data | changes))


def _raw(content: bytes) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(content), None)[1]


def _cut(path: Path) -> None:
    write(path)
    path.write_bytes(path.read_bytes()[:3000])


_ON = "node/nodes/fc/weight"
_CHANGES: dict[str, tuple[Change, str]] = {
    "external-link": (_link(h5py.ExternalLink("/etc/passwd", "/x")), "NC003"),
    "soft-link": (_link(h5py.SoftLink("/node/nodes/lif")), "NC003"),
    "soft-link-loop": (_soft_loop, "NC003"),
    "hard-link-loop": (_hard_loop, "NC003"),
    "two-names-for-one-node": (_hard_twin, "NC003"),
    "gzip-bomb": (_bomb, "NC004"),
    "chunk-unpacks-too-far": (_overfull_chunk, "NC003"),
    "chunk-is-no-zlib": (_bad_chunk, "NC003"),
    "claims-10^12": (_substitute(_ON, shape=(10**6, 10**6), dtype="f8", chunks=(2**14, 2**14)),
                     "NC004"),
    "claims-10^12-unchunked": (_substitute(_ON, shape=(10**6, 10**6), dtype="f8"), "NC004"),
    "chunks-never-written": (_substitute(_ON, shape=(3, 4), dtype="f4", chunks=(3, 4)), "NC003"),
    "never-written": (_substitute(_ON, shape=(3, 4), dtype="f4"), "NC003"),
    "virtual": (_virtual, "NC003"),
    "external-storage": (_substitute(_ON, shape=(3, 4), dtype="f4",
                                   external=[("/etc/passwd", 0, 48)]), "NC003"),
    "lzf": (_substitute(_ON, data=np.ones((3, 4)), compression="lzf"), "NC003"),
    "fletcher32": (_substitute(_ON, data=np.ones((3, 4)), fletcher32=True, chunks=(3, 4)), "NC003"),
    "scale-offset": (_substitute(_ON, data=np.ones((3, 4)), scaleoffset=4, chunks=(3, 4)), "NC003"),
    "resizable-chunks": (_substitute(_ON, data=np.ones((3, 4)), chunks=(64, 64),
                                   maxshape=(None, None)), "NC003"),
    "variable-length": (_vlen, "NC003"),
    "compound": (_substitute(_ON, data=np.zeros((3, 4), [("a", "f4")])), "NC003"),
    "complex": (_substitute(_ON, data=np.zeros((3, 4), np.complex64)), "NC003"),
    "long-double": (_substitute(_ON, data=np.zeros((3, 4), np.longdouble)), "NC003"),
    "texts-as-numbers": (_substitute(_ON, data=np.array([[b"1"] * 4] * 3)), "NC003"),
    "empty-dataspace": (_substitute(_ON, data=h5py.Empty("f4")), "NC003"),
    "named-type": (_named_type, "NC003"),
    "no-utf8": (_not_utf8, "NC003"),
    "nested-200-deep": (_nest, "NC003"),
    "unknown-type": (lambda f: text(f, "node/nodes/fc/type", "Conv3d"), "NC118"),
    "type-of-another-language": (
        lambda f: text(f, "node/nodes/fc/type", "__import__('os').system('touch marker')"),
        "NC118"),
    "unknown-version": (lambda f: text(f, "version", "2.0.0"), "NC003"),
    "version-missing": (lambda f: f.pop("version"), "NC003"),
    "type-missing": (lambda f: f.pop("node/nodes/fc/type"), "NC003"),
    "node-is-data": (_substitute("node/nodes/fc", data=1.0), "NC003"),
    "root-is-no-graph": (lambda f: text(f, "node/type", "Input"), "NC003"),
    "field-missing": (lambda f: f.pop("node/nodes/lif/tau"), "NC003"),
    "field-unknown": (lambda f: f.create_dataset("node/nodes/fc/gain", data=2.0), "NC003"),
    "edge-to-nothing": (_with_edges(("in", "fc"), ("fc", "lif"), ("lif", "gone")), "NC003"),
    "edge-twice": (_with_edges(("in", "fc"), ("in", "fc"), ("fc", "lif"), ("lif", "out")), "NC003"),
    "edge-into-input": (_with_edges(("in", "fc"), ("fc", "lif"), ("lif", "out"), ("lif", "in")),
                        "NC003"),
    "edges-none": (_with_edges(), "NC003"),
    "edges-of-three": (_substitute("node/edges", data=np.array([["a", "b", "c"]], object),
                                 dtype=TEXT), "NC003"),
    "no-input": (lambda f: f.pop("node/nodes/in"), "NC003"),
    "no-output": (_no_output, "NC003"),
    "dead-node": (_with_edges(("in", "fc"), ("fc", "out")), "NC003"),
    "cycle-without-neuron": (_cycle, "NC504"),
    "nested-graph-with-two-inputs": (_two_inputs_inside, "NC003"),
    "nan-weight": (_value("fc/weight", (1, 2), np.nan), "NC307"),
    "infinite-tau": (_value("lif/tau", 1, np.inf), "NC307"),
    "weight-does-not-fit": (_substitute(_ON, data=np.ones((3, 5))), "NC003"),
    "bias-does-not-fit": (_substitute("node/nodes/fc/bias", data=np.ones(7)), "NC003"),
    "parameter-does-not-fit": (_substitute("node/nodes/lif/r", data=np.ones(2)), "NC003"),
    "output-does-not-fit": (_substitute("node/nodes/out/shape", data=[5]), "NC003"),
    "negative-shape": (_substitute("node/nodes/in/shape", data=[-4]), "NC003"),
    "fractional-shape": (_substitute("node/nodes/in/shape", data=[4.5]), "NC003"),
    "huge-shape": (_layer("Scale", [2**30], scale=1.0), "NC003"),
    "stride-0": (_conv([1, 4, 4], stride=[0, 1]), "NC003"),
    "groups-0": (_conv([1, 4, 4], groups=0), "NC003"),
    "padding-of-no-kind": (_conv([1, 4, 4], padding=b"reflect"), "NC003"),
    "huge-padding": (_conv([1, 4, 4], padding=[2**30, 2**30]), "NC003"),
    "window-too-large": (_conv([1, 1, 1]), "NC003"),
    "huge-pooling-window": (_layer("SumPool2d", [1, 8, 8], kernel_size=[10**6, 10**6],
                                   stride=[1, 1], padding=[5 * 10**5, 5 * 10**5]), "NC003"),
    "flatten-past-the-end": (_layer("Flatten", [4], start_dim=0, end_dim=5), "NC003"),
    "ours-is-no-json": (lambda f: text(f, "node/metadata/neurocompile", "{"), "NC003"),
    "ours-is-a-list": (lambda f: text(f, "node/metadata/neurocompile", "[1]"), "NC003"),
    "ours-too-deep": (lambda f: text(f, "node/metadata/neurocompile", "[" * 200_000), "NC003"),
    "ours-newer": (_ours(format=2), "NC003"),
    "ours-negative-tick": (_ours(dt=-1.0), "NC003"),
    "ours-nan-tick": (_ours(dt=float("nan")), "NC003"),
    "ours-10^9-ticks": (_ours(n_ticks=10**9), "NC003"),
    "ours-of-other-neurons": (_ours(neurons={}), "NC003"),
    "ours-of-other-inputs": (_ours(inputs={}), "NC003"),
    "ours-of-other-outputs": (_ours(outputs={"in": "sum"}), "NC003"),
    "ours-of-a-later-tick": (_ours(outputs={"out": 8}), "NC003"),
    "ours-changed-later": (_ours(), "NC003"),
}
CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (_raw(b""), "NC003"),
    "another-format": (_raw(b"\x89PNG\r\n\x1a\n" + bytes(500)), "NC003"),
    "truncated": (_cut, "NC003"),
    **{name: (partial(write, change=change), code) for name, (change, code) in _CHANGES.items()},
}
