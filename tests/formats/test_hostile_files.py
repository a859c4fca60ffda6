"""Every hostile or broken file through the command line, each in a process of its own."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.capture.torch_model import capture
from tests.formats.net import hostile as net_hostile
from tests.formats.nir import hostile as nir_hostile
from tests.formats.pt2 import pt2_files
from tests.ir import test_graph_file

SECONDS, MEGABYTES = 5.0, 500
Make = Callable[[Path], Any]


class Evil:
    """Creates a file when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def _save(make: Callable[[Path], Any]) -> Make:
    return lambda path: torch.save(make(path), path)


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Make:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    return make


def _cut(path: Path) -> None:
    data = io.BytesIO()
    torch.save({"a": torch.zeros(1000)}, data)
    path.write_bytes(data.getvalue()[:-500])


def _deep(path: Path) -> None:
    lists: Any = []
    for _ in range(300):
        lists = [lists]
    torch.save({"model": lists}, path)


def _header(header: str, size: int = 8) -> Make:
    text = header.encode()
    return lambda path: path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(size))


ONE = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
BIG = '{"dtype":"F32","shape":[1000000,1000000,1000000,1000000],"data_offsets":[0,8]}'
WEIGHTS: dict[str, tuple[Make, str]] = {
    "reduce.pt": (_save(lambda p: Evil(p.with_name("marker"))), "NC101"),
    "module.pt": (_save(lambda p: nn.Linear(2, 2)), "NC101"),
    "bare-pickle.pt": (lambda p: p.write_bytes(pickle.dumps(Evil(p.with_name("marker")))), "NC109"),
    "torchscript.pt": (lambda p: torch.jit.save(torch.jit.script(nn.Linear(2, 2)), str(p)), "NC109"),
    "truncated.pt": (_cut, "NC003"),
    "empty.pt": (lambda p: p.write_bytes(b""), "NC003"),
    "png.pt": (lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n" * 9), "NC003"),
    "folder.pt": (lambda p: p.mkdir(), "NC003"),
    "pipe.pt": (os.mkfifo, "NC003"),
    "device.pt": (lambda p: p.symlink_to("/dev/zero"), "NC003"),
    "bomb.pt": (_zip({"a/data.pkl": bytes(1 << 26)}, zipfile.ZIP_DEFLATED), "NC003"),
    "slip.pt": (_zip({"a/data.pkl": b"", "a/../../x": b""}), "NC003"),
    "no-data.pt": (_zip({"a/x": b""}), "NC003"),
    "expanded.pt": (_save(lambda p: {"w": torch.zeros(1).expand(10**6, 10**6)}), "NC004"),
    "sparse.pt": (_save(lambda p: {"w": torch.sparse_coo_tensor(
        torch.zeros(2, 1, dtype=torch.int64), torch.ones(1), (10**6, 10**6))}), "NC003"),
    "nested.pt": (_deep, "NC003"),
    "nan.pt": (_save(lambda p: {"w": torch.tensor([1.0, float("nan")])}), "NC003"),
    "complex.pt": (_save(lambda p: {"w": torch.zeros(2, dtype=torch.complex64)}), "NC003"),
    "float8.pt": (_save(lambda p: {"w": torch.zeros(2).to(torch.float8_e5m2)}), "NC003"),
    "meta.pt": (_save(lambda p: {"w": torch.zeros(2, device="meta")}), "NC003"),
    "other-keys.pt": (_save(lambda p: OrderedDict(x=torch.zeros(1))), "NC003"),
    "overflow.safetensors": (_header(f'{{"a":{BIG}}}'), "NC003"),
    "overlap.safetensors": (_header(f'{{"a":{ONE},"b":{ONE}}}'), "NC003"),
    "trailing.safetensors": (_header(f'{{"a":{ONE}}}', 20), "NC003"),
    "header.safetensors": (lambda p: p.write_bytes(struct.pack("<Q", 1 << 60) + b"{}"), "NC003"),
    "twice.safetensors": (_header(f'{{"a":{ONE},"a":{ONE}}}'), "NC003"),
    "deep.safetensors": (_header("[" * 100_000), "NC003"),
    "many.safetensors": (_header("{" + ",".join(
        f'"t{k}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for k in range(20_000)) + "}",
        0), "NC003"),
    "keras.h5": (lambda p: p.write_bytes(b"x"), "NC109"),
    "unknown.xyz": (lambda p: p.write_bytes(b"x"), "NC109"),
}


def _graphs() -> dict[str, tuple[Make, str]]:
    """Changes of a sound graph, which is captured once for all."""
    net = nn.Sequential(nn.Linear(6, 8), neuron.LIFNode(step_mode="m"), nn.Linear(8, 3))
    sound = capture(net, torch.rand(4, 2, 6) * 4).to_bytes()

    def make(change: Callable[[Any], Any], path: Path) -> None:
        proto = onnx.load_model_from_string(sound)
        change(proto)
        path.write_bytes(proto.SerializeToString())
    return {f"{name}.onnx": (partial(make, change), code)
            for name, (change, code) in test_graph_file.CASES.items()}


def _all() -> dict[str, tuple[Make, str]]:
    cases = {**WEIGHTS, **_graphs()}
    for suffix, module in (("pt2", pt2_files), ("nir", nir_hostile), ("net", net_hostile)):
        cases.update({f"{name}.{suffix}": case for name, case in module.CASES.items()})
    return cases


ARCHITECTURE = "import torch\ndef make():\n    return torch.nn.Linear(2, 2)\n"
RUN = """
import json, sys, time
from neurocompile import cli
code = cli.run(sys.argv[1:])
with open("/proc/self/status") as status:  # its own peak; ru_maxrss would hold its parent's
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(json.dumps([code, time.process_time(), peak]), file=sys.stderr)
"""


@pytest.mark.slow
def test_every_hostile_file_is_refused_soon_with_its_code(tmp_path: Path) -> None:
    """Exit code 2 (1 for NC504, a network that is illegal), one finding, nothing run or written."""
    wrong = []
    cases = _all()
    assert len(cases) > 150
    for name, (make, code) in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "hostile_arch.py").write_text(ARCHITECTURE)
        make(folder / name)
        command = ["check", name, "-t", "loihi2", "--arch", "hostile_arch:make",
                   "--input-shape", "2", "--format", "json"]
        if name.endswith(".nir"):
            command += ["--nir-producer", "nir", "--nir-dt", "0.0001", "--nir-reset", "hard",
                        "--nir-discretization", "euler"]
        process = subprocess.run([sys.executable, "-c", RUN, *command], cwd=folder, timeout=300,
                                 check=False, capture_output=True, text=True)
        exit_code, seconds, peak = json.loads(process.stderr.splitlines()[-1])
        text = process.stdout + process.stderr
        extra = {p.name for p in folder.iterdir()} - {name, "hostile_arch.py", "__pycache__"}
        if (exit_code != (1 if code == "NC504" else 2) or code not in text or extra
                or "Traceback" in text or seconds > SECONDS or peak > MEGABYTES * 1024):
            wrong.append((name, code, exit_code, round(seconds, 1), peak // 1024, sorted(extra),
                          text[-300:]))
    assert wrong == []


