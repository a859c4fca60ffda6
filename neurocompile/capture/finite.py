"""Weights must be finite numbers; where one is not, it is named."""

from __future__ import annotations

import numpy as np
import torch


def not_finite(name: str, tensor: torch.Tensor) -> str | None:
    """What is wrong with a tensor that holds NaN or infinity: how many, and where; else None."""
    if not tensor.is_floating_point() or bool(torch.isfinite(tensor).all()):
        return None
    finite = torch.isfinite(tensor.detach()).numpy()
    wrong = np.flatnonzero(~finite)
    index = tuple(int(i) for i in np.unravel_index(int(wrong[0]), finite.shape))
    return (f"`{name}` holds {wrong.size:,} of {finite.size:,} values that are not finite, "
            f"the first at {index}")
