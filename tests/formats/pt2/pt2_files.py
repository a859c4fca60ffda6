"""Files of torch.export, sound and hostile. `CASES`: name -> (writes the file, expected code).

Each hostile file is a sound one of which one member was changed; those that carry code would create
the file `marker` beside them.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

Make = Callable[[Path], Any]
Members = dict[str, bytes]
PROGRAM = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
X = torch.rand(6, 2, 5, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """Two dense layers of hand-written neurons, six ticks."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.fc1, self.fc2 = nn.Linear(5, 8), nn.Linear(8, 3)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randint(-2, 7, p.shape) / 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        v1, v2 = torch.zeros(x.shape[1], 8), torch.zeros(x.shape[1], 3)
        total = torch.zeros(x.shape[1], 3)
        for t in range(x.shape[0]):
            v1 = 0.5 * v1 + self.fc1(x[t])
            s = (v1 >= 1).float()
            v1 = v1 * (1 - s)
            v2 = v2 + self.fc2(s)
            out = (v2 > 1).float()
            v2 = v2 - out
            total = total + out
        return total / 6


def sound(path: Path) -> None:
    """A program that is read."""
    path.write_bytes(_sound())


def _sound() -> bytes:
    data = io.BytesIO()
    torch.export.save(torch.export.export(Net().eval(), (X,), strict=False), data)
    return data.getvalue()


class _Code:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def _pickle(path: Path) -> bytes:
    data = io.BytesIO()
    torch.save(_Code(path.with_name("marker")), data)
    return data.getvalue()


def _after(change: Callable[[Members, Path], Any], compression: int = zipfile.ZIP_STORED) -> Make:
    """A sound file after `change` of its members."""
    def make(path: Path) -> None:
        with zipfile.ZipFile(io.BytesIO(_sound())) as archive:
            root = archive.namelist()[0].partition("/")[0]
            members = {n.partition("/")[2]: archive.read(n) for n in archive.namelist()}
        change(members, path)
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in members.items():
                archive.writestr(f"{root}/{name}", data)
    return make


def _json(member: str, edit: Callable[[Any], Any], compression: int = zipfile.ZIP_STORED) -> Make:
    """A sound file after `edit` of one of its JSON members."""
    def change(members: Members, _: Path) -> None:
        data = json.loads(members[member])
        edit(data)
        members[member] = json.dumps(data).encode()
    return _after(change, compression)


def _graph(data: Any) -> Any:
    return data["graph_module"]["graph"]


def _first_weight(data: Any) -> Any:
    return next(iter(data["config"].values()))


def _size(data: Any, value: Any) -> None:
    next(iter(_graph(data)["tensor_values"].values()))["sizes"][0] = value


def _pickled_weight(members: Members, path: Path) -> None:
    config = json.loads(members[WEIGHTS])
    entry = _first_weight(config)
    entry["use_pickle"] = True
    members[f"data/weights/{entry['path_name']}"] = _pickle(path)
    members[WEIGHTS] = json.dumps(config).encode()


def _opaque_constant(members: Members, path: Path) -> None:
    config = json.loads(members[CONSTANTS])
    entry = {**_first_weight(json.loads(members[WEIGHTS])), "path_name": "opaque_obj_0"}
    config["config"]["c"] = entry
    members["data/constants/opaque_obj_0"] = pickle.dumps(_Code(path.with_name("marker")))
    members[CONSTANTS] = json.dumps(config).encode()


def _nan(members: Members, _: Path) -> None:
    name = f"data/weights/{_first_weight(json.loads(members[WEIGHTS]))['path_name']}"
    members[name] = struct.pack("<f", float("nan")) + members[name][4:]


def _run(value: str) -> Callable[[Any], None]:
    def edit(data: Any) -> None:
        _graph(data)["nodes"][0]["target"] = value
    return edit


def _name(value: str) -> Callable[[Any], None]:
    def edit(data: Any) -> None:
        text = json.dumps(_graph(data))
        old = _graph(data)["nodes"][0]["outputs"][0]["as_tensor"]["name"]
        data["graph_module"]["graph"] = json.loads(text.replace(json.dumps(old), json.dumps(value)))
    return edit


def _signature(data: Any) -> Any:
    return next(e for e in data["graph_module"]["module_call_graph"] if e["fqn"] == "")["signature"]


def _class_tree(data: Any) -> None:
    tree = json.loads(_signature(data)["in_spec"])
    tree[1]["type"], tree[1]["context"] = "collections.namedtuple", '{"class_name": "os"}'
    _signature(data)["in_spec"] = json.dumps(tree)


SYSTEM = "__import__('os').system('touch marker')"
CASES: dict[str, tuple[Make, str]] = {
    "pickled-weight": (_after(_pickled_weight), "NC115"),
    "opaque-constant": (_after(_opaque_constant), "NC115"),
    "expression-as-size": (_json(PROGRAM, lambda d: _size(d, {"as_expr": {
        "expr_str": SYSTEM, "hint": {"as_int": 2}}})), "NC115"),
    "symbolic-size": (_json(PROGRAM, lambda d: _size(d, {"as_expr": {
        "expr_str": "s0", "hint": {"as_int": 2}}})), "NC115"),
    "huge-tensor": (_json(PROGRAM, lambda d: _size(d, {"as_int": 1 << 40})), "NC115"),
    "wrong-shape": (_json(PROGRAM, lambda d: _size(d, {"as_int": 3})), "NC003"),
    "target-os-system": (_json(PROGRAM, _run("torch.os.system")), "NC115"),
    "target-of-another-library": (_json(PROGRAM, _run("torch.ops.evil.run.default")), "NC115"),
    "target-from-file": (_json(PROGRAM, _run("torch.ops.aten.from_file.default")), "NC115"),
    "target-builtin": (_json(PROGRAM, _run("_operator.methodcaller")), "NC115"),
    "name-as-code": (_json(PROGRAM, _name(f"x = {SYSTEM}")), "NC115"),
    "name-with-newline": (_json(PROGRAM, _name("x\nimport os")), "NC115"),
    "class-in-a-tree": (_json(PROGRAM, _class_tree), "NC115"),
    "custom-object": (_json(PROGRAM, lambda d: _graph(d).update(
        custom_obj_values={"a": {"class_fqn": "os.system"}})), "NC115"),
    "dynamic-range": (_json(PROGRAM, lambda d: d.update(
        range_constraints={"s0": {"min_val": 1, "max_val": 9}})), "NC115"),
    "unknown-verifier": (_json(PROGRAM, lambda d: d.update(verifiers=["os.system"])), "NC115"),
    "library-inside": (_after(lambda m, _: m.update(
        {"data/aotinductor/model/lib.so": b"\x7fELF"})), "NC115"),
    "weight-outside": (_json(WEIGHTS, lambda d: _first_weight(d).update(
        path_name="../../etc/passwd")), "NC115"),
    "weight-too-short": (_json(WEIGHTS, lambda d: _first_weight(d)["tensor_meta"]["sizes"][0].update(
        as_int=1 << 20)), "NC115"),
    "weight-stride-trick": (_json(WEIGHTS, lambda d: _first_weight(d)["tensor_meta"].update(
        sizes=[{"as_int": 40000}] * 2, strides=[{"as_int": 0}] * 2)), "NC115"),
    "weight-on-cuda": (_json(WEIGHTS, lambda d: _first_weight(d)["tensor_meta"].update(
        device={"type": "cuda", "index": 0})), "NC115"),
    "weight-complex": (_json(WEIGHTS, lambda d: _first_weight(d)["tensor_meta"].update(
        dtype=10)), "NC115"),
    "weight-nan": (_after(_nan), "NC003"),
    "no-program": (_after(lambda m, _: m.pop(PROGRAM)), "NC003"),
    "no-weights": (_after(lambda m, _: m.pop(WEIGHTS)), "NC003"),
    "no-json": (_after(lambda m, _: m.update({PROGRAM: b"{"})), "NC003"),
    "deep-json": (_after(lambda m, _: m.update({PROGRAM: b"[" * 200_000})), "NC003"),
    "another-json": (_after(lambda m, _: m.update({PROGRAM: b"[1, 2]"})), "NC003"),
    "member-outside": (_after(lambda m, _: m.update({"../../x": b""})), "NC003"),
    "compressed": (_json(PROGRAM, lambda d: d, zipfile.ZIP_DEFLATED), "NC003"),
    "empty": (lambda path: path.write_bytes(b""), "NC003"),
    "truncated": (lambda path: path.write_bytes(_sound()[:-200]), "NC003"),
    "no-archive": (lambda path: path.write_bytes(b"\x89PNG\r\n" * 100), "NC003"),
    "a-state-dict": (lambda path: torch.save({"a": X}, path), "NC003"),
}
