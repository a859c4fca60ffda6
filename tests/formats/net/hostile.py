"""Files that are no `.net`, or none that is read: how each is made, and the code it is refused with.

`CASES`: name -> (writes the file to a path, expected code).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.formats.net.net_files import Layers, cell, conv, dense, frames, picture, write

Make = Callable[[Path], Any]
W = np.full((3, 4), 2, np.float32)
K = np.full((2, 1, 3, 3), 2, np.float32)


def _layers(*layers: dict[str, Any], ticks: int | None = 6) -> Make:
    return lambda path: write(path, [dict(layer) for layer in layers], ticks)


def _after(edit: Callable[[h5py.File], Any]) -> Make:
    def make(path: Path) -> None:
        write(path, [frames(4), dense(W)])
        with h5py.File(path, "a") as file:
            edit(file)
    return make


def _substitute(name: str, value: Any) -> Make:
    """The plain file with one dataset replaced; None removes it."""
    def edit(file: h5py.File) -> None:
        del file[name]
        if value is not None:
            file[name] = value
    return _after(edit)


def _dataset(name: str, **options: Any) -> Make:
    """The plain file with one dataset made by `create_dataset`."""
    def edit(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **options)
    return _after(edit)


def _link(name: str, link: Any) -> Make:
    def edit(file: h5py.File) -> None:
        del file[name]
        file[name] = link
    return _after(edit)


def _virtual(path: Path) -> None:
    layout = h5py.VirtualLayout(shape=(3, 4), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "layer", shape=(3, 4))
    with h5py.File(path, "w") as file:
        file["layer/0/type"], file["layer/0/shape"] = np.bytes_("input"), [4]
        file["layer/1/type"], file["layer/1/shape"] = np.bytes_("dense"), [3]
        file["layer/1"].create_virtual_dataset("weight", layout)


def _often(path: Path) -> None:
    """One large array under a thousand names: more to read than the file holds."""
    with h5py.File(path, "w") as file:
        side = 300
        file["layer/0/type"], file["layer/0/shape"] = np.bytes_("input"), [side]
        for i in range(1, 1000):
            group = file.create_group(f"layer/{i}")
            group["type"], group["shape"] = np.bytes_("dense"), [side]
            if i == 1:
                group["weight"] = np.full((side, side), 2.0)
                for name, value in cell().items():
                    group[f"neuron/{name}"] = np.bytes_(value) if name == "type" else value
            else:
                group["weight"], group["neuron"] = (
                    file["layer/1/weight"], file["layer/1/neuron"])


def _bomb(path: Path) -> None:
    """200 MB of zeros in a file a thousand times smaller."""
    write(path, [frames(10_000), dense(W)])
    with h5py.File(path, "a") as file:
        del file["layer/1/weight"], file["layer/1/shape"]
        file["layer/1/shape"] = [20_000]
        file.create_dataset("layer/1/weight", data=np.zeros((20_000, 10_000), np.int8),
                            chunks=(2000, 10_000), compression="gzip", compression_opts=9)


def _loop(path: Path) -> None:
    """A group that contains itself, by a hard link."""
    write(path, [frames(4), dense(W)])
    with h5py.File(path, "a") as file:
        del file["layer/1/neuron"]
        file["layer/1/neuron"] = file["layer"]


def _cut(path: Path) -> None:
    write(path, [frames(4), dense(W)])
    path.write_bytes(path.read_bytes()[:-500])


def _scramble(path: Path) -> None:
    write(path, [frames(4), dense(W)])
    data = bytearray(path.read_bytes())
    data[600:1400] = bytes(reversed(data[600:1400]))
    path.write_bytes(data)


def _other(kind: str, **members: Any) -> Make:
    return _layers(frames(4), dense(W), {"type": kind, "shape": (3,), **members})


def _neuron(**members: Any) -> Make:
    return _layers(frames(4), dense(W, neuron=members))


def _with(**members: Any) -> Make:
    return _layers(frames(4), {**dense(W), **members})


def _filter(**members: Any) -> Make:
    return _layers(frames(1, 7, 5), {**conv(K, (2, 4, 3)), **members})


def _long_chain(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for i in range(1001):
            file.create_group(f"layer/{i}")


COMPLEX = {"real": W, "imag": W}
SDNN = {"type": "SDNN", "vThMant": 3, "activation": "relu"}
CASES: dict[str, tuple[Make, str]] = {
    # no HDF5, or a broken one
    "empty": (lambda path: path.write_bytes(b""), "NC003"),
    "text": (lambda path: path.write_text("layer/0: input\n" * 40), "NC003"),
    "pickle": (lambda path: path.write_bytes(b"\x80\x04cposix\nsystem\nX\x04touchR."), "NC003"),
    "signature only": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"), "NC003"),
    "cut off": (_cut, "NC003"),
    "scrambled": (_scramble, "NC003"),
    "a directory": (lambda path: path.mkdir(), "NC003"),
    # links and storage
    "external link": (_link("layer/1/weight", h5py.ExternalLink("/etc/passwd", "/x")), "NC003"),
    "soft link": (_link("layer/1/weight", h5py.SoftLink("/simulation/Ts")), "NC003"),
    "soft link to itself": (_link("layer/1", h5py.SoftLink("/layer/1")), "NC003"),
    "layers behind a soft link": (_link("layer", h5py.SoftLink("/")), "NC003"),
    "dangling link": (_link("layer/1/neuron", h5py.SoftLink("/nowhere")), "NC003"),
    "group in itself": (_loop, "NC003"),
    "virtual dataset": (_virtual, "NC003"),
    "external storage": (_dataset("layer/1/weight", shape=(3, 4), dtype="f4",
                               external=[("/etc/passwd", 0, 48)]), "NC003"),
    "compressed": (_dataset("layer/1/weight", data=np.random.default_rng(0).random((3, 4)),
                         compression="gzip"), "NC003"),
    "compression bomb": (_bomb, "NC004"),
    # sizes
    "unwritten": (_dataset("layer/1/weight", shape=(3, 4), dtype="f4"), "NC003"),
    "unwritten, unlimited": (_dataset("layer/1/weight", shape=(3, 4), dtype="f4", chunks=(1, 1),
                                   maxshape=(None, None)), "NC003"),
    "one array a thousand times": (_often, "NC003"),
    "huge input": (_layers(frames(2048, 2048, 2048), dense(W)), "NC004"),
    "huge layer": (_substitute("layer/1/shape", [1 << 40]), "NC003"),
    "negative layer": (_substitute("layer/1/shape", [-3]), "NC003"),
    "many ticks": (_layers(frames(4000), dense(np.full((900, 4000), 2, np.int8)), ticks=100_000),
                   "NC004"),
    "too many ticks": (_substitute("simulation/tSample", 1 << 60), "NC003"),
    "no ticks": (_layers(frames(4), dense(W), ticks=None), "NC007"),
    "too many layers": (_long_chain, "NC003"),
    # what the arrays hold
    "weights of text": (_substitute("layer/1/weight", np.full((3, 4), b"2")), "NC003"),
    "complex numbers": (_substitute("layer/1/weight", W.astype(np.complex64)), "NC003"),
    "a record": (_substitute("layer/1/weight", np.zeros((3, 4), [("a", "f4")])), "NC003"),
    "object references": (_after(lambda file: file["layer/1"].__setitem__(
        "bias", np.array([file.ref], h5py.ref_dtype))), "NC003"),
    "nothing in it": (_substitute("layer/1/weight", h5py.Empty("f4")), "NC003"),
    "not a number": (_substitute("layer/1/weight", np.where(W > 0, np.nan, 0)), "NC003"),
    "infinite": (_substitute("layer/1/weight", np.full((3, 4), np.inf)), "NC003"),
    "fractions": (_substitute("layer/1/weight", W + 0.5), "NC003"),
    "weights beyond all registers": (_substitute("layer/1/weight", W * 1e9), "NC003"),
    "no weights": (_substitute("layer/1/weight", None), "NC003"),
    "empty weights": (_substitute("layer/1/weight", np.zeros((0, 4))), "NC003"),
    "weights of another size": (_substitute("layer/1/weight", np.full((3, 5), 2)), "NC003"),
    "weights the other way": (_substitute("layer/1/weight", W.T.copy()), "NC003"),
    "six axes and more": (_substitute("layer/1/weight", W.reshape(3, 4, 1, 1, 1, 1, 1)), "NC003"),
    "bias of another size": (_with(bias=np.ones(2)), "NC003"),
    "bias of a convolution, per nothing": (_filter(bias=np.ones((4, 3))), "NC003"),
    "delay of another size": (_with(delay=np.ones(5)), "NC003"),
    "negative delay": (_with(delay=np.array([-1, 0, 0])), "NC003"),
    "a shape of four": (_substitute("layer/0/shape", [1, 1, 2, 2]), "NC003"),
    "a shape of two": (_substitute("layer/0/shape", [2, 2]), "NC003"),
    # structure
    "no layers": (lambda path: h5py.File(path, "w").close(), "NC003"),
    "layers are an array": (_substitute("layer", [1, 2]), "NC003"),
    "a layer missing": (_after(lambda file: file.move("layer/1", "layer/2")), "NC003"),
    "a layer of another name": (_after(lambda file: file.move("layer/1", "layer/one")), "NC003"),
    "a layer that is an array": (_substitute("layer/1", 1), "NC003"),
    "no type": (_substitute("layer/1/type", None), "NC003"),
    "type is a number": (_substitute("layer/1/type", 7), "NC003"),
    "type is no ASCII": (_substitute("layer/1/type", np.bytes_("dénse".encode())), "NC003"),
    "a long type": (_substitute("layer/1/type", np.bytes_("x" * 100_000)), "NC003"),
    "two inputs": (_layers(frames(4), dense(W), frames(3)), "NC003"),
    "only an input": (_layers(frames(4)), "NC003"),
    "something else beside the layers": (_after(lambda file: file.create_group("model")), "NC003"),
    "convolution of another shape": (_filter(shape=(2, 9, 9)), "NC003"),
    "convolution of stride 0": (_filter(stride=(0, 1)), "NC003"),
    "convolution in 3 groups": (_filter(groups=3), "NC003"),
    "convolution of a vector": (_layers(frames(35), conv(K, (2, 4, 3))), "NC003"),
    "convolution without a neuron": (_layers(
        frames(1, 7, 5), {k: v for k, v in conv(K, (2, 4, 3)).items() if k != "neuron"}), "NC003"),
    "convolution of nothing": (_layers(conv(K, (2, 4, 3))), "NC003"),
    "a negative threshold": (_neuron(**{**cell(), "vThMant": -80}), "NC003"),
    "a threshold of 20 bits": (_neuron(**{**cell(), "vThMant": 1 << 20}), "NC003"),
    "a decay above one": (_neuron(**{**cell(), "vDecay": 5000}), "NC003"),
    # what has no form here, by its name
    **{f"layer {kind}": (_other(kind), "NC118") for kind in (
        "average", "pool", "convT", "unpool", "concat", "dense_comp", "attention")},
    "sigma-delta neuron": (_neuron(**SDNN), "NC118"),
    "sigma-delta input": (_layers(picture(4, neuron=SDNN), dense(W)), "NC118"),
    "RF_PHASE neuron": (_neuron(type="RF_PHASE", sinDecay=3, cosDecay=3, vThMant=3), "NC118"),
    "RF_IZ neuron": (_neuron(type="RF_IZ", sinDecay=3, cosDecay=3, vThMant=3), "NC118"),
    "unknown neuron": (_neuron(type="ALIF"), "NC118"),
    "complex weights": (_with(weight=COMPLEX), "NC118"),
    "graded spikes": (_neuron(**{**cell(), "gradedSpike": True}), "NC118"),
    "message bits": (_neuron(**cell(messageBits=8)), "NC118"),
    "refractory delay": (_neuron(**{**cell(), "refDelay": 3}), "NC118"),
    "unknown member of a neuron": (_neuron(**cell(noise=1)), "NC118"),
    "unknown member of a layer": (_with(mask=W), "NC118"),
    "delays of a convolution": (_filter(delay=np.array([1.0, 0.0])), "NC118"),
    "delays beyond the buffer": (_with(delay=np.array([63, 0, 0])), "NC118"),
    "delays of a feedback": (_with(type="dense_rec", weight_rec=np.full((3, 3), 2.0),
                                   delay=np.array([1, 0, 0])), "NC118"),
    "an accumulator in between": (_layers(
        frames(4), {"type": "dense", "shape": (3,), "weight": W}, dense(np.full((2, 3), 2.0))),
        "NC118"),
    "an accumulator with a bias": (_layers(
        frames(4), dense(W), {"type": "dense", "shape": (3,), "weight": np.full((3, 3), 2.0),
                              "bias": np.ones(3)}), "NC118"),
}


def plain() -> Layers:
    """The file that the cases are variations of."""
    return [frames(4), dense(W)]
