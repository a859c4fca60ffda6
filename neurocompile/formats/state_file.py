"""State_dicts as bytes: torch.save's archive, or safetensors."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import torch

from neurocompile.formats.checkpoint import DTYPES

SUFFIXES = (".pt", ".pth", ".safetensors")
_ALIGNMENT = 8  # bytes, of a safetensors header
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def state_bytes(state: Mapping[str, torch.Tensor], suffix: str) -> bytes:
    """A state_dict as a file of one of `SUFFIXES`."""
    if suffix != ".safetensors":
        stream = io.BytesIO()
        torch.save(dict(state), stream)
        return stream.getvalue()
    header, parts, start = {}, [], 0
    for name, tensor in state.items():
        data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [start, start + len(data)]}
        parts.append(data)
        start += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join((len(text).to_bytes(8, "little"), text, *parts))
