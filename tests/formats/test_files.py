"""Models from files: what is read, and that nothing in a file is ever run."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import sys
import time
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from neurocompile.capture.factory import make_model, put_weights
from neurocompile.diagnostics import UsageError
from neurocompile.formats.checkpoint import load_checkpoint, state_dict
from neurocompile.formats.load import load_model
from neurocompile.formats.request import Capture, Request
from neurocompile.input_sizes import InputSizes
from neurocompile.ir.input_axes import input_axes

NET = """
import torch
from spikingjelly.activation_based import neuron
from torch import nn

class Net(nn.Module):
    def __init__(self, hidden=6):
        super().__init__()
        self.fc, self.lif = nn.Linear(5, hidden), neuron.LIFNode(step_mode="m")
        torch.manual_seed(3)
        nn.init.uniform_(self.fc.weight, 0.0, 1.0)

    def forward(self, x):
        return self.lif(self.fc(x.unsqueeze(0).repeat(4, 1, 1))).mean(0)

make = Net
number = 3
none = lambda: None
broken = lambda: 1 / 0
"""


class Evil:
    """Creates a file when unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with `tiny_net.py` in it."""
    (tmp_path / "tiny_net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("tiny_net", None)
    yield tmp_path
    sys.modules.pop("tiny_net", None)


def _weights(hidden: int = 6) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {"fc.weight": torch.rand(hidden, 5, generator=generator),
            "fc.bias": torch.zeros(hidden)}


def _load(spec: str, **options: Any) -> Capture:
    return load_model(Request(spec=spec, input=InputSizes((5,)), **options))


def _fails(code: str, spec: str, **options: Any) -> str:
    start = time.monotonic()
    with pytest.raises(UsageError, match=code) as error:
        _load(spec, **options)
    assert time.monotonic() - start < 10
    assert error.value.exit_code == 2
    return str(error.value)


def test_a_factory_is_captured_and_its_file_is_told(folder: Path) -> None:
    lines: list[str] = []
    capture = load_model(Request(spec="tiny_net:make", input=InputSizes((5,))), say=lines.append)
    assert input_axes(capture.graph)[0].shape == (4, 5)
    assert lines == ["tiny_net:make comes from tiny_net.py"]
    assert [s.role for s in capture.sources] == ["architecture"]


@pytest.mark.parametrize("wrap", ["plain", "ordered", "model", "state_dict", "module", "compiled"])
def test_weights_in_all_their_wrappings(folder: Path, wrap: str) -> None:
    weights = _weights()
    prefix = {"module": "module.", "compiled": "_orig_mod."}.get(wrap, "")
    by_prefix = {prefix + name: tensor for name, tensor in weights.items()}
    content: Any = {"ordered": OrderedDict(weights), "model": {"model": weights, "epoch": 3},
                  "state_dict": {"state_dict": weights, "lr": 0.1}}.get(wrap, by_prefix)
    torch.save(content, folder / "w.pt")
    state = state_dict(folder / "w.pt", load_checkpoint(folder / "w.pt"))
    assert list(state) == list(weights)
    assert all(torch.equal(state[name], weights[name]) for name in weights)


def test_weights_reach_the_graph(folder: Path) -> None:
    torch.save(_weights(), folder / "w.pt")
    one = _load("w.pt", arch="tiny_net:make").graph.to_bytes()
    assert one == _load("tiny_net:make", weights=folder / "w.pt").graph.to_bytes()
    assert one != _load("tiny_net:make").graph.to_bytes()


def test_an_exported_graph_is_read_back(folder: Path) -> None:
    graph = _load("tiny_net:make").graph
    (folder / "net.onnx").write_bytes(graph.to_bytes())
    capture = _load("net.onnx")
    assert capture.graph.to_bytes() == graph.to_bytes()
    assert [s.role for s in capture.sources] == ["graph"]


def test_every_key_that_differs_is_told(folder: Path) -> None:
    weights = _weights(hidden=7)
    weights["head.bias"] = weights.pop("fc.bias")
    torch.save(weights, folder / "w.pt")
    text = _fails("NC003", "w.pt", arch="tiny_net:make")
    for part in ("missing: `fc.bias`", "unexpected: `head.bias`",
                 "`fc.weight` is (7, 5) in the file, (6, 5) in the model"):
        assert part in text


def test_arguments_reach_the_factory(folder: Path) -> None:
    model, _ = make_model("tiny_net:make", {"hidden": 9}, [folder])
    put_weights(model, _weights(hidden=9), "tiny_net:make", "w.pt")
    assert model.get_parameter("fc.weight").shape == (9, 5)


@pytest.mark.parametrize(("entry", "words"), [
    ("tiny_nte:make", "did you mean `tiny_net`?"), ("tiny_net:mkae", "did you mean `make`?"),
    ("tiny_net:number", "it is a int"), ("tiny_net:none", "gives a NoneType"),
    ("tiny_net:broken", "ZeroDivisionError: division by zero"), ("tiny_net:", "pkg.mod:factory"),
])
def test_a_factory_that_is_none(folder: Path, entry: str, words: str) -> None:
    assert words in _fails("NC007", entry)


def test_a_module_that_needs_another_package(folder: Path) -> None:
    (folder / "needy_net.py").write_text("import not_installed_here")
    assert "`not_installed_here`" in _fails("NC602", "needy_net:make")


def test_a_module_that_raises_on_import(folder: Path) -> None:
    (folder / "raising_net.py").write_text("raise ValueError('no')")
    assert "ValueError: no" in _fails("NC007", "raising_net:make")


def test_what_cannot_be_traced_says_on_what(folder: Path) -> None:
    (folder / "tiny_net.py").write_text(NET.replace("x.unsqueeze(0)", "x.view(1, 1, 5)"))
    with pytest.raises(UsageError) as error:
        _load("tiny_net:make")
    finding, = error.value.diagnostics
    assert (finding.code, finding.where.file, finding.where.line) == ("NC102", "tiny_net.py", 14)
    assert finding.notes == ("traced on float32 of shape (4, 5)",
                             "4 samples were traced at once: a batch of 4")
    assert "fit any batch" in finding.help
    (folder / "tiny_net.py").write_text(NET.replace("x.unsqueeze(0)", "x.no_such_method()"))
    sys.modules.pop("tiny_net")
    with pytest.raises(UsageError) as error:
        _load("tiny_net:make")
    assert "fit any batch" not in error.value.diagnostics[0].help


def test_an_architecture_and_an_input_are_needed(folder: Path) -> None:
    torch.save(_weights(), folder / "w.pt")
    assert "architecture" in _fails("NC007", "w.pt")
    with pytest.raises(UsageError, match="an example input"):
        load_model(Request(spec="tiny_net:make"))


def test_a_pickled_module_is_named_and_not_run(folder: Path) -> None:
    model, _ = make_model("tiny_net:make", {}, [folder])
    torch.save(model, folder / "m.pt")
    assert "tiny_net.Net" in _fails("NC101", "m.pt")
    lines: list[str] = []
    load_model(Request(spec="m.pt", input=InputSizes((5,)), trust_pickle=True), say=lines.append)
    assert "--trust-pickle: running the code" in lines[0]


def test_code_in_a_file_is_never_run(folder: Path) -> None:
    marker = folder / "marker"
    torch.save({"w": Evil(marker)}, folder / "evil.pt")
    torch.save(Evil(marker), folder / "legacy.pt", _use_new_zipfile_serialization=False)
    (folder / "bare.pt").write_bytes(pickle.dumps(Evil(marker)))
    assert "posix.system" in _fails("NC101", "evil.pt", arch="tiny_net:make")
    _fails("NC109", "legacy.pt", arch="tiny_net:make")
    _fails("NC109", "bare.pt", arch="tiny_net:make")
    assert not marker.exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_and_pt2_are_refused(folder: Path) -> None:
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)), str(folder / "s.pt"))
    assert "TorchScript" in _fails("NC109", "s.pt")
    with zipfile.ZipFile(folder / "p.pt", "w") as archive:
        archive.writestr("p/archive_format", "pt2")
        archive.writestr("p/models/model.json", "{}")
    assert "torch.export" in _fails("NC109", "p.pt")
    for name in ("x.h5", "x.pkl", "x.txt"):
        (folder / name).write_text("x")
        _fails("NC109", name)


def _zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def test_damaged_files(folder: Path) -> None:
    buffer = io.BytesIO()
    torch.save(_weights(), buffer)
    good = buffer.getvalue()
    for name, data in {"empty.pt": b"", "cut.pt": good[:-100], "half.pt": good[:200],
                       "png.pt": b"\x89PNG\r\n\x1a\n" + bytes(50), "text.pt": b"hello"}.items():
        (folder / name).write_bytes(data)
        _fails("NC003", name, arch="tiny_net:make")
    _zip(folder / "other.pt", {"a/readme": b"x"})
    _fails("NC003", "other.pt", arch="tiny_net:make")
    for name in ("empty.onnx", "png.onnx"):
        (folder / name).write_bytes(b"" if "empty" in name else b"\x89PNG\r\n\x1a\n")
        _fails("NC003", name)


def test_what_is_no_regular_file(folder: Path) -> None:
    (folder / "dir.pt").mkdir()
    os.mkfifo(folder / "pipe.pt")
    (folder / "zero.pt").symlink_to("/dev/zero")
    for name in ("dir.pt", "pipe.pt", "zero.pt", "/dev/zero"):
        _fails("NC003", name)
    torch.save(_weights(), folder / "model.pt")
    assert "did you mean `model.pt`?" in _fails("NC007", "modle.pt")


@pytest.mark.filterwarnings("ignore:Sparse invariant")
def test_bombs_are_refused_unopened(folder: Path) -> None:
    _zip(folder / "bomb.pt", {"a/data.pkl": b"x", "a/data/0": bytes(10**7)}, zipfile.ZIP_DEFLATED)
    _fails("NC003", "bomb.pt", arch="tiny_net:make")
    torch.save({"fc.weight": torch.zeros(1).expand(10**6, 10**6)}, folder / "wide.pt")
    _fails("NC004", "wide.pt", arch="tiny_net:make")
    index = torch.zeros((2, 1), dtype=torch.int64)
    sparse = torch.sparse_coo_tensor(index, torch.ones(1), (10**6, 10**6))
    torch.save({"fc.weight": sparse}, folder / "sparse.pt")
    _fails("NC003", "sparse.pt", arch="tiny_net:make")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_odd_tensors_are_refused(folder: Path) -> None:
    for k, tensor in enumerate((torch.zeros(2, dtype=torch.complex64),
                                torch.zeros(2).to(torch.float8_e4m3fn))):
        torch.save({"fc.weight": tensor}, folder / f"{k}.pt")
        _fails("NC003", f"{k}.pt", arch="tiny_net:make")
    lists: list[Any] = []
    for _ in range(300):
        lists = [lists]
    torch.save(lists, folder / "deep.pt")
    _fails("NC003", "deep.pt", arch="tiny_net:make")


def _safetensors(path: Path, header: str, data: bytes) -> None:
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + data)


def _entry(start: int, stop: int, shape: str = "[1]") -> str:
    return f'{{"dtype": "F32", "shape": {shape}, "data_offsets": [{start}, {stop}]}}'


def test_numbers_that_are_none_are_named(folder: Path) -> None:
    weight = torch.zeros(6, 5)
    weight[2, 3] = float("nan")
    torch.save({"fc.weight": weight, "fc.bias": torch.zeros(6)}, folder / "nan.pt")
    text = _fails("NC003", "nan.pt", arch="tiny_net:make")
    assert "`fc.weight` holds 1 of 30 values that are not finite, the first at (2, 3)" in text


def test_half_precision_weights_are_read(folder: Path) -> None:
    for kind in (torch.float16, torch.bfloat16):
        torch.save({"fc.weight": torch.ones(6, 5, dtype=kind), "fc.bias": torch.zeros(6)},
                   folder / "half.pt")
        capture = load_model(Request(spec="half.pt", arch="tiny_net:make", folders=(folder,),
                                    input=InputSizes((5,))))
        assert capture.graph.info["replay"]["calls"] == 2


def test_safetensors(folder: Path) -> None:
    weights = _weights()
    header: dict[str, Any] = {"__metadata__": {"by": "test"}}
    data = b""
    for name, tensor in weights.items():
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    _safetensors(folder / "w.safetensors", json.dumps(header), data)
    tensors = load_checkpoint(folder / "w.safetensors")
    assert all(torch.equal(tensors[name], weights[name]) for name in weights)


@pytest.mark.parametrize(("header", "size"), [
    ("{" + '"a": ' + _entry(0, 4) + ', "a": ' + _entry(0, 4) + "}", 4),  # two of one name
    ("{" + '"a": ' + _entry(0, 4) + ', "b": ' + _entry(2, 6) + "}", 6),  # overlap
    ("{" + '"a": ' + _entry(4, 8) + "}", 8),  # hole
    ("{" + '"a": ' + _entry(0, 4) + "}", 8),  # trailing bytes
    ("{" + '"a": ' + _entry(0, 8) + "}", 4),  # beyond the end
    ("{" + '"a": ' + _entry(0, 4, "[4611686018427387905, 4]") + "}", 4),  # product overflows
    ("{" + '"a": ' + _entry(0, 4, "[-1, -1]") + "}", 4),
    ('{"a": 3}', 0), ("[]", 0), ("{", 0), ('{"a": {"dtype": "F4"}}', 0),
])
def test_bad_safetensors(folder: Path, header: str, size: int) -> None:
    _safetensors(folder / "bad.safetensors", header, bytes(size))
    _fails("NC003", "bad.safetensors", arch="tiny_net:make")
    (folder / "long.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    _fails("NC003", "long.safetensors", arch="tiny_net:make")
