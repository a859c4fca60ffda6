"""Tensors from files that strangers wrote: nothing in them is run, sizes are checked first."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neurocompile.capture.finite import not_finite
from neurocompile.capture.user_code import summary, user_code
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.regular import check_regular, corrupt, foreign, too_large
from neurocompile.formats.tensor_file import Entry, TensorFile, read_tensors
from neurocompile.formats.zips import members

CONTAINERS = ("state_dict", "model_state_dict", "model", "net")  # where trainers keep a state_dict
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
    def finding(error: BaseException) -> UsageError:
        return UsageError(corrupt(path, "a torch.save file", summary(error)))

    with user_code(finding):  # with --trust-pickle it is
        return torch.load(path, map_location="cpu", weights_only=not trust_pickle)


def _check_archive(path: Path) -> None:
    """Look at the zip archive's table only: what it is, and how large it would become."""
    with path.open("rb") as stream:
        head = stream.read(4)
    if head[:1] == b"\x80":
        raise foreign(path, "a torch.save file of the format before torch 1.6")
    if head != b"PK\x03\x04":
        raise UsageError(corrupt(path, "a torch.save file", "it does not begin like one"))
    entries = members(path, "a torch.save file", packed=True)
    names = [m.filename.partition("/")[2] for m in entries]
    if any(name.startswith(("code/", "constants.pkl")) for name in names):
        raise foreign(path, "a TorchScript archive")
    if "archive_format" in names or any(name.startswith("models/") for name in names):
        raise foreign(path, "a torch.export archive, whose suffix is .pt2")
    if "data.pkl" not in names:
        raise UsageError(corrupt(path, "a torch.save file", "it has no data.pkl"))
    if any(m.compress_type != zipfile.ZIP_STORED for m in entries):
        raise UsageError(corrupt(path, "a torch.save file",
                                 "it has compressed members; torch writes none"))
    total = sum(m.file_size for m in entries)
    if total > path.stat().st_size:
        raise UsageError(too_large(path, total, path.stat().st_size))


def _refuse_classes(path: Path) -> None:
    try:
        classes = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception as error:  # noqa: BLE001 - a damaged pickle raises anything
        raise UsageError(corrupt(path, "a torch.save file", str(error))) from None
    if classes:
        more = f" and {len(classes) - 4} more" if len(classes) > 4 else ""
        raise UsageError(Diagnostic("NC101", Location(file=str(path)), {
            "file": str(path), "classes": ", ".join(classes[:4]) + more},
            notes=("the classes were listed without running the file",)))


def state_dict(path: Path, content: Any) -> dict[str, torch.Tensor]:
    """The state_dict in what a file held, its tensors checked. Raises UsageError (NC003, NC004)."""
    tensors = _find(content)
    if tensors is None:
        names = list(content)[:6] if isinstance(content, Mapping) else []
        keys = ", ".join(f"`{name}`" for name in names)
        raise UsageError(corrupt(path, "a state_dict", f"it holds a {type(content).__name__}"
                                 + (f" with {keys}" if keys else "")))
    for name, tensor in tensors.items():
        _check_tensor(path, name, tensor)
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _find(content: Any) -> dict[str, torch.Tensor] | None:
    if not isinstance(content, Mapping):
        return None
    if content and all(isinstance(k, str) and isinstance(v, torch.Tensor)
                      for k, v in content.items()):
        return dict(content)
    for key in CONTAINERS:
        inner = content.get(key)
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
    size, capacity = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
    if size > capacity:
        raise UsageError(too_large(path, size, capacity))
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
