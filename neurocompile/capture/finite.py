"""Weights must be finite numbers; where one is not, it is named."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


def not_finite(name: str, tensor: torch.Tensor) -> str | None:
    """What is wrong with a tensor that holds NaN or infinity, else None."""
    if not tensor.is_floating_point() or bool(torch.isfinite(tensor).all()):
        return None
    return first_not_finite(name, torch.isfinite(tensor.detach()).numpy(), tensor.numel())


def first_not_finite(name: str, finite: NDArray[np.bool_], size: int) -> str:
    """The first place that is not finite, and how many there are."""
    wrong = np.flatnonzero(~finite)
    index = tuple(int(i) for i in np.unravel_index(int(wrong[0]), finite.shape))
    return (f"`{name}` holds {wrong.size:,} of {size:,} values that are not finite, "
            f"the first at {index}")
