"""Programs of torch.export (`.pt2`) that strangers wrote, loaded without running what is in them.

`torch.export.load` (2.13) runs code from a crafted archive: pickles among the sample inputs,
pickled weights (`use_pickle`), objects (`opaque_obj_*`, `custom_obj_*`), old weight files, compiled
libraries (`data/aotinductor`), and what `program_json` lists. So the archive is written anew from
parts that were checked, and torch reads that.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.pt2.program_json import (
    DTYPES,
    UnsafeError,
    clean_program,
    parameter_path,
    tensor_meta,
)
from neurocompile.formats.regular import corrupt, too_large
from neurocompile.formats.zips import members

if TYPE_CHECKING:
    from torch.export import ExportedProgram

KIND = "a torch.export archive"
MAX_JSON = 64 << 20
PAYLOADS = {"weights": re.compile(r"weight_\d{1,9}"), "constants": re.compile(r"tensor_\d{1,9}")}
PLAIN = {"archive_format": b"pt2", "archive_version": b"0", "byteorder": b"little"}
IGNORABLE = re.compile(r"data/sample_inputs/model\.pt|extra/.*|\.data/.*|version")
PROGRAM = "models/model.json"
ROOT = "model"


def load_program(path: Path) -> ExportedProgram:
    """The program in a `.pt2` file: static shapes, plain tensors on the CPU, no sample inputs.

    Raises UsageError: NC003 for a damaged file and weights that are not finite, NC004 for one that
    is or claims to be too large, NC115 where it asks for anything that could run code.
    """
    parts = _parts(path)
    try:
        program = clean_program(_json(path, parts, PROGRAM))
        configs = {kind: _payload_config(kind, _json(path, parts, _config_name(kind)), parts)
                   for kind in PAYLOADS}
    except UnsafeError as error:
        raise UsageError(_unsafe(path, str(error))) from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UsageError(corrupt(path, KIND, f"its program is malformed: {error!r}")) from None
    return _load(path, _rewrite(program, configs, parts))


def _unsafe(path: Path, reason: str) -> Diagnostic:
    return Diagnostic("NC115", Location(file=str(path)), {"file": str(path), "reason": reason})


def _config_name(kind: str) -> str:
    return f"data/{kind}/model_{kind}_config.json"


def _parts(path: Path) -> dict[str, bytes]:
    """The members that matter, by their name below the archive's one root folder."""
    entries = members(path, KIND)
    roots = {member.filename.partition("/")[0] for member in entries}
    names = {member.filename.partition("/")[2]: member for member in entries}
    if len(roots) != 1 or PROGRAM not in names:
        raise UsageError(corrupt(path, KIND, f"it has no {PROGRAM} in one folder"))
    parts = {name: member for name, member in names.items() if not IGNORABLE.fullmatch(name)}
    for name in parts:
        folder, _, payload = name.removeprefix("data/").partition("/")
        safe = name in PLAIN or name == PROGRAM or name in map(_config_name, PAYLOADS) or (
            name.startswith("data/") and folder in PAYLOADS and PAYLOADS[folder].fullmatch(payload))
        if not safe:
            raise UsageError(_unsafe(path, f"it has the member `{name[:100]}`"))
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(member) for name, member in parts.items()}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        raise UsageError(corrupt(path, KIND, str(error))) from None


def _json(path: Path, parts: Mapping[str, bytes], name: str) -> Any:
    data = parts[name]
    if len(data) > MAX_JSON:
        raise UsageError(too_large(path, len(data), MAX_JSON))
    return json.loads(data)


def _payload_config(kind: str, data: Any, parts: Mapping[str, bytes]) -> dict[str, Any]:
    """Which tensor lies in which member; each must lie within it."""
    config: dict[str, Any] = {}
    for name, entry in data["config"].items():
        member = entry["path_name"]
        if entry["use_pickle"] is not False:
            raise UnsafeError(f"its tensor `{name[:80]}` is a pickle")
        if not isinstance(member, str) or not PAYLOADS[kind].fullmatch(member):
            raise UnsafeError(f"its tensor `{name[:80]}` is no tensor but `{str(member)[:80]}`")
        meta = tensor_meta(entry["tensor_meta"])
        size = len(parts[f"data/{kind}/{member}"])
        if _bytes_of(meta) > size:
            raise UnsafeError(f"its tensor `{name[:80]}` takes {_bytes_of(meta):,} B of {size:,} B")
        config[parameter_path(name)] = {"path_name": member, "is_param": entry["is_param"] is True,
                                       "use_pickle": False, "tensor_meta": meta}
    return {"config": config}


def _bytes_of(meta: Mapping[str, Any]) -> int:
    """Bytes that a tensor needs, both as it lies and as a copy without strides."""
    sizes = [n["as_int"] for n in meta["sizes"]]
    strides = [n["as_int"] for n in meta["strides"]]
    count, last = 1, meta["storage_offset"]["as_int"]
    for n, stride in zip(sizes, strides, strict=True):
        count *= n
        last += (n - 1) * stride
    return (max(count, last + 1) if count else 0) * DTYPES[meta["dtype"]]


def _rewrite(program: Any, configs: Mapping[str, Any], parts: Mapping[str, bytes]) -> io.BytesIO:
    import torch

    empty, out = io.BytesIO(), io.BytesIO()
    torch.save(((), {}), empty)
    contents = {**PLAIN, PROGRAM: json.dumps(program).encode(), ".data/version": b"6\n",
               "data/sample_inputs/model.pt": empty.getvalue()}
    for kind, config in configs.items():
        contents[_config_name(kind)] = json.dumps(config).encode()
        for entry in config["config"].values():
            name = f"data/{kind}/{entry['path_name']}"
            contents[name] = parts[name]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            archive.writestr(f"{ROOT}/{name}", data)
    out.seek(0)
    return out


def _load(path: Path, data: io.BytesIO) -> ExportedProgram:
    import torch

    from neurocompile.capture import neuron_op  # noqa: F401  our op must be known to torch
    from neurocompile.capture.finite import not_finite
    from neurocompile.capture.quiet import quiet

    try:
        with quiet():
            program = torch.export.load(data)
            _propagate(program)
    except UnsafeError as error:
        raise UsageError(_unsafe(path, str(error))) from None
    except Exception as error:  # noqa: BLE001 - torch raises dozens of types here
        raise UsageError(corrupt(path, KIND, f"torch refuses it: {error}")) from None
    program._example_inputs = None
    tensors = {**program.state_dict, **program.constants}
    for name, tensor in tensors.items():
        reason = not_finite(name, tensor)
        if reason is not None:
            raise UsageError(corrupt(path, KIND, reason))
    return program


def _propagate(program: ExportedProgram) -> None:
    """Compute every node's shape anew; what the file says must be what the operators give."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.passes.fake_tensor_prop import FakeTensorProp

    nodes = list(program.graph.nodes)
    claims = {node.name: _shapes(node.meta.get("val")) for node in nodes}
    with torch.no_grad():
        inputs = [node.meta["val"] for node in nodes if node.op == "placeholder"]
        mode = next((x.fake_mode for x in inputs if hasattr(x, "fake_mode")), FakeTensorMode())
        FakeTensorProp(program.graph_module, mode).propagate_dont_convert_inputs(*inputs)
    for node in nodes:
        shapes = _shapes(node.meta.get("val"))
        if shapes != claims[node.name]:
            raise UnsafeError(f"`{node.name}` gives {shapes}, not {claims[node.name]}")


def _shapes(value: Any) -> list[tuple[tuple[int, ...], str]]:
    import torch

    values = value if isinstance(value, (tuple, list)) else (value,)
    return [(tuple(v.shape), str(v.dtype)) for v in values if isinstance(v, torch.Tensor)]
