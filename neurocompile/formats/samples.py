"""Samples: `.npz` files with inputs of a model, and optionally their labels."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurocompile.array_file import MAX_BYTES, TooLarge, read_arrays
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.input_sizes import InputSizes
from neurocompile.ir.input_axes import InputAxes
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


def load_sample(path: Path, form: InputSizes | None = None) -> Sample:
    """The samples in a file, in front of all other axes; with a form, `x` must have its sizes.

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
    if form is not None:
        require_form(sample, form)
    return sample


def require_form(sample: Sample, form: InputSizes) -> None:
    """Raise UsageError (NC008) unless the sample's `x`, or one of its arrays, has a form's sizes."""
    arrays = {"x": sample.arrays["x"]} if "x" in sample.arrays else sample.arrays
    if not any(array.shape[1:] == form.sizes for array in arrays.values()):
        name, array = next(iter(arrays.items()))
        raise UsageError(_bad(sample.file, f"`{name}` is {_shape(array.shape)}, the input {form} takes "
                                           f"{_shape(('samples', *form.sizes))}"))


def fit(sample: Sample, inputs: Sequence[InputAxes]) -> dict[str, Array]:
    """The sample's arrays by the names of a graph's inputs, as a Network reads them.

    Raises UsageError (NC008) for an array of other sizes than the input's.
    """
    return {one.name: one.for_network(_array(sample, one, len(inputs))) for one in inputs}


def _array(sample: Sample, axes: InputAxes, n_inputs: int) -> Array:
    array = named_array(sample, axes.name, n_inputs)
    if axes.ticks == axes.samples:
        raise UsageError(_bad(sample.file, f"axis {axes.samples} of the model's input counts samples "
                                           "and ticks together"))
    if array.shape[1:] != axes.form.sizes:
        raise wrong_sizes(sample, axes.name, axes.form, n_inputs)
    return array


def named_array(sample: Sample, name: str, n_inputs: int) -> Array:
    """The array of an input of that name, `x` of an only one. Raises UsageError (NC008)."""
    key = "x" if n_inputs == 1 and "x" in sample.arrays else name
    if key not in sample.arrays:
        raise UsageError(_bad(sample.file, f"it has no array `{key}`"))
    return sample.arrays[key]


def wrong_sizes(sample: Sample, name: str, form: InputSizes, n_inputs: int) -> UsageError:
    """NC008 for an array of other sizes than those of the input of that name."""
    key = "x" if n_inputs == 1 and "x" in sample.arrays else name
    return UsageError(_bad(sample.file, f"`{key}` is {_shape(sample.arrays[key].shape)}, the model takes "
                                        f"{_shape(('samples', *form.sizes))}"))


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
