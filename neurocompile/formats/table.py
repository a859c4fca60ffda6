"""The formats of model files, by suffix. Imports none of their packages."""

from __future__ import annotations

from pathlib import Path

from neurocompile.formats.format import Format
from neurocompile.formats.net import NET
from neurocompile.formats.nir import NIR
from neurocompile.formats.onnx import ONNX
from neurocompile.formats.pt2 import PT2
from neurocompile.formats.weights import WEIGHTS
from neurocompile.options import Option

FORMATS: dict[str, Format] = {
    suffix: one for one in (ONNX, PT2, NIR, NET, WEIGHTS) for suffix in one.suffixes}
FOREIGN = {  # what is not read, in words
    ".h5": "an HDF5 file", ".keras": "a Keras file", ".tflite": "a TensorFlow Lite file",
    ".pkl": "a pickle", ".pickle": "a pickle", ".npz": "a NumPy archive"}


def all_formats() -> tuple[Format, ...]:
    """Each format once."""
    return tuple(dict.fromkeys(FORMATS.values()))


def format_of(path: Path) -> Format | None:
    """The format that a file's suffix names."""
    return FORMATS.get(path.suffix)


def readable() -> tuple[str, ...]:
    """The suffixes of files that are read."""
    return tuple(suffix for suffix, one in FORMATS.items() if one.read is not None)


def writable() -> tuple[str, ...]:
    """The suffixes of files that are written."""
    return tuple(suffix for suffix, one in FORMATS.items() if one.writer is not None)


def format_options() -> tuple[Option, ...]:
    """The options of all formats."""
    return tuple(option for one in all_formats() for option in one.declarations())
