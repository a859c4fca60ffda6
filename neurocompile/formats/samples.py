"""Samples: `.npz` files with inputs of a model, and optionally their labels."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurocompile.array_file import MAX_BYTES, TooLarge, read_arrays
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.ir.operators import Array


@dataclass(frozen=True, eq=False)
class Sample:
    """Inputs by array name, all [samples, ...] float32, and labels `y` where the file has some."""

    file: Path
    arrays: dict[str, NDArray[np.float32]]
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def first(self, count: int) -> Sample:
        """The first `count` samples."""
        labels = None if self.labels is None else self.labels[:count]
        return Sample(self.file, {k: a[:count] for k, a in self.arrays.items()}, labels)


def load_sample(path: Path, shape: tuple[int, ...] | None = None) -> Sample:
    """The samples in a file; with `shape`, that of one sample, `x` must have it.

    Raises UsageError: NC007 when there is no such file, NC004 when it is too large, NC008 when it
    is no sample of the model. Pickled arrays are never read.
    """
    if not path.is_file():
        raise UsageError(Diagnostic("NC007", values={
            "what": f"the sample `{path}`", "reason": "no such file"}))
    try:
        arrays = read_arrays(path)
    except TooLarge as error:
        raise UsageError(Diagnostic("NC004", values={
            "file": str(path), "needed": error.args[0], "limit": MAX_BYTES})) from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(_bad(path, str(error) or "it is empty")) from None
    labels = arrays.pop("y", None)
    if not arrays:
        raise UsageError(_bad(path, "it has no array `x`"))
    floats = {name: _floats(path, name, array) for name, array in arrays.items()}
    if len({len(array) for array in floats.values()}) != 1:
        raise UsageError(_bad(path, "its arrays hold different numbers of samples"))
    sample = Sample(path, floats, None if labels is None else _labels(path, labels, floats))
    if shape is not None and "x" in floats and floats["x"].shape[1:] != shape:
        raise UsageError(_bad(path, f"`x` is {_shape(floats['x'].shape)}, the model takes "
                                    f"{_shape(('samples', *shape))}"))
    return sample


def fit(sample: Sample, inputs: dict[str, tuple[int, ...]]) -> dict[str, Array]:
    """The sample's arrays by the names of a graph's inputs.

    A graph's input is [batch, *shape], or [ticks, batch, *shape] where time comes first; a sample
    has the samples first. Raises UsageError (NC008) when a shape fits neither.
    """
    by_name: dict[str, Array] = {}
    for name, shape in inputs.items():
        key = "x" if len(inputs) == 1 and "x" in sample.arrays else name
        array = sample.arrays.get(key)
        if array is None:
            raise UsageError(_bad(sample.file, f"it has no array `{key}`"))
        if array.shape[1:] not in (shape[1:], (shape[0], *shape[2:])):
            raise UsageError(_bad(sample.file, f"`{key}` is {_shape(array.shape)}, the model takes "
                                               f"{_shape(('samples', *shape[1:]))}"))
        by_name[name] = array
    return by_name


def _floats(path: Path, name: str, array: Array) -> NDArray[np.float32]:
    if array.dtype.kind not in "buif" or array.ndim < 2 or not len(array):
        raise UsageError(_bad(path, f"`{name}` is {array.dtype} of shape {_shape(array.shape)}"))
    result = np.ascontiguousarray(array, dtype=np.float32)
    wrong = np.flatnonzero(~np.isfinite(result))
    if wrong.size:
        index = tuple(int(i) for i in np.unravel_index(int(wrong[0]), result.shape))
        raise UsageError(_bad(path, f"`{name}` holds {wrong.size:,} values that are not finite, "
                                    f"the first at {index}"))
    return result


def _labels(path: Path, labels: Array, arrays: dict[str, NDArray[np.float32]]
            ) -> NDArray[np.int64]:
    count = len(next(iter(arrays.values())))
    if labels.dtype.kind not in "ui" or labels.shape != (count,):
        raise UsageError(_bad(path, f"`y` is {labels.dtype} of shape {_shape(labels.shape)}, "
                                    f"not one whole number for each of {count} samples"))
    return labels.astype(np.int64)


def _shape(shape: tuple[object, ...]) -> str:
    return f"({', '.join(str(n) for n in shape)})"


def _bad(path: Path, reason: str) -> Diagnostic:
    return Diagnostic("NC008", values={"file": str(path), "reason": reason.splitlines()[0]})
