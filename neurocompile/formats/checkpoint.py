"""Tensors from files that strangers wrote: nothing in them is run, sizes are checked first."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neurocompile.capture.finite import not_finite
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.regular import check_regular, corrupt, too_large, unsupported
from neurocompile.formats.tensor_file import Entry, TensorFile, read_tensors
from neurocompile.formats.zips import members

NESTED = ("state_dict", "model_state_dict", "model", "net")  # where trainers keep a state_dict
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and torch.compile
DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16,
          "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32, "I16": torch.int16,
          "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool}


def load_checkpoint(path: Path, trust_pickle: bool = False) -> Any:
    """What a file of torch.save or safetensors holds: tensors in containers.

    Raises UsageError: NC003 when it is damaged, NC004 when it is or claims to be too large, NC101
    for pickled classes, unless `trust_pickle`, NC109 for other formats.
    """
    check_regular(path)
    if path.suffix == ".safetensors":
        return _safetensors(path)
    _check_archive(path)
    if not trust_pickle:
        _refuse_classes(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=not trust_pickle)
    except Exception as error:  # torch raises whatever the unpickler met
        raise UsageError(corrupt(path, "a torch.save file", str(error))) from error


def _check_archive(path: Path) -> None:
    """Look at the zip archive's table only: what it is, and how large it would become."""
    with path.open("rb") as stream:
        head = stream.read(4)
    if head[:1] == b"\x80":
        raise unsupported(path, "a torch.save file of the format before torch 1.6")
    if head != b"PK\x03\x04":
        raise UsageError(corrupt(path, "a torch.save file", "it does not begin like one"))
    found = members(path, "a torch.save file", packed=True)
    names = [m.filename.partition("/")[2] for m in found]
    if any(name.startswith(("code/", "constants.pkl")) for name in names):
        raise unsupported(path, "a TorchScript archive")
    if "archive_format" in names or any(name.startswith("models/") for name in names):
        raise unsupported(path, "a torch.export archive, whose suffix is .pt2")
    if "data.pkl" not in names:
        raise UsageError(corrupt(path, "a torch.save file", "it has no data.pkl"))
    if any(m.compress_type != zipfile.ZIP_STORED for m in found):
        raise UsageError(corrupt(path, "a torch.save file",
                                 "it has compressed members; torch writes none"))
    total = sum(m.file_size for m in found)
    if total > path.stat().st_size:
        raise UsageError(too_large(path, total, path.stat().st_size))


def _refuse_classes(path: Path) -> None:
    try:
        found = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception as error:  # noqa: BLE001 - a damaged pickle raises anything
        raise UsageError(corrupt(path, "a torch.save file", str(error))) from None
    if found:
        shown = ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")
        raise UsageError(Diagnostic("NC101", Location(file=str(path)), {
            "file": str(path), "classes": shown},
            notes=("the classes were listed without running the file",)))


def state_dict(path: Path, loaded: Any) -> dict[str, torch.Tensor]:
    """The state_dict in what a file held, its tensors checked. Raises UsageError (NC003, NC004)."""
    found = _find(loaded)
    if found is None:
        keys = ", ".join(f"`{k}`" for k in list(loaded)[:6]) if isinstance(loaded, Mapping) else ""
        raise UsageError(corrupt(path, "a state_dict", f"it holds a {type(loaded).__name__}"
                                 + (f" with {keys}" if keys else "")))
    for name, tensor in found.items():
        _check_tensor(path, name, tensor)
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return found


def _find(loaded: Any) -> dict[str, torch.Tensor] | None:
    if not isinstance(loaded, Mapping):
        return None
    if loaded and all(isinstance(k, str) and isinstance(v, torch.Tensor)
                      for k, v in loaded.items()):
        return dict(loaded)
    for key in NESTED:
        inner = loaded.get(key)
        if isinstance(inner, Mapping):
            return _find(inner)
    return None


def _check_tensor(path: Path, name: str, tensor: torch.Tensor) -> None:
    """A plain strided tensor whose storage holds all of its elements."""
    plain = (tensor.layout is torch.strided and not tensor.is_quantized and not tensor.is_complex()
             and tensor.device.type == "cpu" and not tensor.is_nested)
    if not plain or (tensor.is_floating_point() and tensor.element_size() == 1):
        raise UsageError(corrupt(path, "a state_dict",
                                 f"`{name}` is no plain tensor ({tensor.dtype}, {tensor.layout})"))
    needed, held = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
    if needed > held:
        raise UsageError(too_large(path, needed, held))
    reason = not_finite(name, tensor)
    if reason is not None:
        raise UsageError(corrupt(path, "a state_dict", reason))


def _safetensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file."""
    file = read_tensors(path)
    return {name: _tensor(file, entry) for name, entry in file.entries.items()}


def _tensor(file: TensorFile, entry: Entry) -> torch.Tensor:
    kind = DTYPES[entry.dtype]
    if entry.count == 0:
        return torch.empty(entry.shape, dtype=kind)
    return torch.frombuffer(file.data, dtype=kind, count=entry.count,
                            offset=entry.start).reshape(entry.shape).clone()
