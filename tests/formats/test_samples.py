"""Samples: which arrays fit a model, and that nothing in a file is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurocompile.diagnostics import UsageError
from neurocompile.formats.samples import Sample, fit, load_sample
from neurocompile.input_sizes import InputSizes
from neurocompile.ir.axes import Atom, Role
from neurocompile.ir.input_axes import InputAxes
from tests.formats.test_files import Evil


def _sample(path: Path, **arrays: Any) -> Sample:
    np.savez(path, **arrays)
    return load_sample(path)


def test_a_sample_is_fitted_to_the_inputs(tmp_path: Path) -> None:
    x = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    sample = _sample(tmp_path / "s.npz", x=x, y=np.array([1, 0]))
    for samples, ticks, expected in ((0, None, x), (1, 0, x), (0, 1, x), (0, 2, x.transpose(0, 2, 1))):
        array = fit(sample, [_axes((3, 4), samples, ticks)])["x"]
        assert array.dtype == np.float32
        assert np.array_equal(array, expected)
    with pytest.raises(UsageError, match=r"`x` is \(2, 3, 4\), the model takes \(samples, 5\)"):
        fit(sample, [_axes((5,), 0, None)])


def test_time_that_shares_an_axis(tmp_path: Path) -> None:
    """[samples, ticks * elements] is told apart; [ticks * samples, elements] cannot be."""
    time, batch, data = Atom(0, 3, Role.TIME), Atom(1, 7, Role.BATCH), Atom(2, 4, Role.DATA)
    x = np.arange(24, dtype=np.float32).reshape(2, 12)
    sample = _sample(tmp_path / "s.npz", x=x)
    both_in_one = InputAxes("x", (7, 12), 0, 1, ((batch,), (time, data)))
    assert np.array_equal(fit(sample, [both_in_one])["x"], x.reshape(2, 3, 4))
    with pytest.raises(UsageError, match="axis 0 of the model's input counts samples and ticks"):
        fit(sample, [InputAxes("x", (21, 12), 0, 0, ((time, batch), (data,)))])


def _axes(sizes: tuple[int, ...], samples: int, ticks: int | None) -> InputAxes:
    """An input of these sizes, seven samples, with samples and ticks on these axes."""
    shape = [*sizes[:samples], 7, *sizes[samples:]]
    roles = {samples: Role.BATCH} | ({} if ticks is None else {ticks: Role.TIME})
    layout = tuple((Atom(k, size, roles.get(k, Role.DATA)),) for k, size in enumerate(shape))
    return InputAxes("x", tuple(shape), samples, ticks, layout)


@pytest.mark.parametrize("arrays", [
    {"x": np.array([[1.0, np.nan]])}, {"x": np.array([[1.0, np.inf]])}, {"x": np.zeros((0, 3))},
    {"x": np.zeros(3)}, {"x": np.zeros((2, 3), complex)}, {"x": np.array([["a"]])},
    {"y": np.zeros(3, int)}, {"x": np.zeros((2, 3)), "y": np.zeros(3, int)},
    {"x": np.zeros((2, 3)), "y": np.zeros(2)}, {"a": np.zeros((2, 3)), "b": np.zeros((3, 3))},
])
def test_bad_samples(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="NC008"):
        _sample(tmp_path / "s.npz", **arrays)


def test_files_that_are_no_samples(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    np.savez(tmp_path / "pickled.npz", x=np.array([Evil(marker)], dtype=object))
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.npz").write_text("hello")
    for name in ("pickled", "empty", "text"):
        with pytest.raises(UsageError, match="NC008"):
            load_sample(tmp_path / f"{name}.npz")
    assert not marker.exists()
    with pytest.raises(UsageError, match="NC007"):
        load_sample(tmp_path / "none.npz")
    np.savez(tmp_path / "s.npz", x=np.zeros((2, 3)))
    with pytest.raises(UsageError, match="NC008"):
        load_sample(tmp_path / "s.npz", InputSizes((4,)))
