"""Samples: which arrays fit a model, and that nothing in a file is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurocompile.diagnostics import UsageError
from neurocompile.formats.samples import Sample, fit, load_sample
from tests.formats.test_files import Evil


def _sample(path: Path, **arrays: Any) -> Sample:
    np.savez(path, **arrays)
    return load_sample(path)


def test_a_sample_is_fitted_to_the_inputs(tmp_path: Path) -> None:
    x = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    sample = _sample(tmp_path / "s.npz", x=x, y=np.array([1, 0]))
    shapes: list[dict[str, tuple[int, ...]]] = [{"image": (4, 3, 4)}, {"events": (3, 7, 4)}]
    for inputs in shapes:  # batch first; time first, then batch
        (array,) = fit(sample, inputs).values()
        assert array.dtype == np.float32
        assert array.shape == x.shape
    with pytest.raises(UsageError, match=r"`x` is \(2, 3, 4\), the model takes \(samples, 5\)"):
        fit(sample, {"image": (4, 5)})


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
        load_sample(tmp_path / "s.npz", (4,))
