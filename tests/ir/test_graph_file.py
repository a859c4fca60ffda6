"""Files of graphs: what is written is read back, and whatever else is in a file is refused."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import UsageError
from neurocompile.ir.graph import INFO, Graph
from neurocompile.ir.graph_file import load_graph
from neurocompile.ir.stored_samples import MAX_TEXT, SAMPLES

Change = Callable[[onnx.ModelProto], object]


@pytest.fixture(scope="module")
def graph() -> Graph:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), neuron.LIFNode(step_mode="m"), nn.Linear(8, 3))
    return capture(net, torch.rand(4, 2, 6) * 4)


def test_what_was_written_is_read(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(graph.to_bytes())
    assert load_graph(tmp_path / "net.onnx").to_bytes() == graph.to_bytes()


def _info(change: Callable[[dict[str, object]], object]) -> Change:
    def edit(proto: onnx.ModelProto) -> None:
        entry = next(e for e in proto.metadata_props if e.key == INFO)
        info = json.loads(entry.value)
        change(info)
        entry.value = json.dumps(info)
    return edit


def _text(key: str, change: Callable[[str], str]) -> Change:
    """A metadata entry, changed."""
    def edit(proto: onnx.ModelProto) -> None:
        entry = next(e for e in proto.metadata_props if e.key == key)
        entry.value = change(entry.value)
    return edit


def _samples(change: Callable[[Any], object]) -> Change:
    """The stored samples, changed."""
    def other_text(text: str) -> str:
        entries = json.loads(text)
        change(entries)
        return json.dumps(entries)
    return _text(SAMPLES, other_text)


def _neuron(proto: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in proto.graph.node if node.domain)


def _external(proto: onnx.ModelProto) -> None:
    tensor = proto.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")


def _external_attribute(proto: onnx.ModelProto) -> None:
    tensor = TensorProto(name="t", dims=[1], data_type=1, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    proto.graph.node.insert(0, helper.make_node("Constant", [], ["c"], value=tensor))


def _claims(*dims: int) -> Change:
    def edit(proto: onnx.ModelProto) -> None:
        del proto.graph.initializer[0].dims[:]
        proto.graph.initializer[0].dims.extend(dims)
    return edit


def _constant(*dims: int) -> Change:
    """A constant that a node makes, of that shape."""
    def edit(proto: onnx.ModelProto) -> None:
        proto.graph.initializer.append(numpy_helper.from_array(np.array(dims), "big_shape"))
        proto.graph.node.insert(0, helper.make_node("ConstantOfShape", ["big_shape"], ["big"]))
        proto.graph.value_info.append(helper.make_tensor_value_info("big", 1, list(dims)))
    return edit


def _other_body(proto: onnx.ModelProto) -> None:
    body = next(a.g for n in proto.functions[0].node for a in n.attribute if a.name == "body")
    node = next(n for n in body.node if n.op_type == "GreaterOrEqual")
    node.op_type = "Greater"


def _other_profile(proto: onnx.ModelProto) -> None:
    function = proto.functions[0]
    function.doc_string = function.doc_string.replace(">=", ">")


def _evil_profile(proto: onnx.ModelProto) -> None:
    proto.functions[0].doc_string = "x|LIF|x\ns = __import__('os').system('touch marker') > v"


def _nest(proto: onnx.ModelProto) -> None:
    graph = helper.make_graph([], "g", [], [])
    for level in range(40):
        graph = helper.make_graph([helper.make_node(
            "If", ["c"], [f"o{level}"], then_branch=graph, else_branch=graph)], "g", [], []
        ) if level < 12 else graph
    proto.graph.node.extend(graph.node)


def _dynamic(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"


def _text_tensor(proto: onnx.ModelProto) -> None:
    texts: Any = [b"x"]
    proto.graph.initializer.append(helper.make_tensor("t", TensorProto.STRING, [1], texts))


CASES: dict[str, tuple[Change, str]] = {
    "external-data": (_external, "NC003"),
    "external-data-in-an-attribute": (_external_attribute, "NC003"),
    "huge-claim": (_claims(1 << 20, 1 << 20), "NC003"),
    "negative-shape": (_claims(-1, 4), "NC003"),
    "more-than-it-holds": (_claims(100, 100), "NC003"),
    "huge-constant": (_constant(1 << 14, 1 << 14), "NC004"),
    "no-metadata": (lambda p: p.ClearField("metadata_props"), "NC003"),
    "another-format": (_info(lambda i: i.update(format=99)), "NC003"),
    "damaged-inputs": (_info(lambda i: i.update(inputs=[])), "NC003"),
    "damaged-range": (_info(lambda i: i.update(inputs=[{"low": "x"}])), "NC003"),
    "damaged-replay": (_info(lambda i: i.update(replay=[1])), "NC003"),
    "samples-of-no-kind": (_samples(lambda s: s[0].update(kind="pickle")), "NC003"),
    "samples-too-short": (_samples(lambda s: s[0].update(data="AAAA")), "NC003"),
    "samples-of-another-shape": (_samples(lambda s: s[0]["shape"].append(1)), "NC003"),
    "samples-of-no-axis": (_samples(lambda s: s[0].update(batch=7)), "NC003"),
    "samples-of-another-input": (_samples(lambda s: s.append(s[0])), "NC003"),
    "samples-without-end": (_text(SAMPLES, lambda text: text + " " * MAX_TEXT), "NC003"),
    "samples-that-are-nan": (_samples(lambda s: s[0].update(
        kind="floats", data=base64.b64encode(np.full(
            math.prod(s[0]["shape"]), np.nan, "<f4").tobytes()).decode())), "NC003"),
    "unknown-domain": (lambda p: p.graph.node.append(
        helper.make_node("Run", [], ["r"], domain="com.evil")), "NC003"),
    "unknown-operator": (lambda p: p.graph.node.append(
        helper.make_node("NoSuchOp", [p.graph.input[0].name], ["r"])), "NC003"),
    "neuron-without-body": (lambda p: p.functions.pop(), "NC003"),
    "neuron-of-another-body": (_other_body, "NC003"),
    "neuron-of-another-profile": (_other_profile, "NC003"),
    "code-as-equations": (_evil_profile, "NC003"),
    "neuron-without-constants": (lambda p: _neuron(p).attribute.pop(0), "NC003"),
    "neuron-with-nan": (lambda p: setattr(next(
        a for a in _neuron(p).attribute if a.name == "tau"), "f", float("nan")), "NC003"),
    "deep-control-flow": (_nest, "NC003"),
    "dynamic-shape": (_dynamic, "NC003"),
    "texts": (_text_tensor, "NC003"),
    "long-name": (lambda p: p.graph.node.append(
        helper.make_node("Identity", [p.graph.input[0].name], ["n" * 10_000])), "NC003"),
    "training": (lambda p: p.training_info.add(), "NC003"),
    "missing-value": (lambda p: p.graph.node.append(
        helper.make_node("Identity", ["nothing"], ["r"])), "NC003"),
    "wrong-shapes": (lambda p: p.graph.value_info[0].type.tensor_type.shape.dim[0].__setattr__(
        "dim_value", 77), "NC003"),
}


@pytest.mark.parametrize("name", CASES)
def test_hostile_graph(name: str, graph: Graph, tmp_path: Path,
                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    change, code = CASES[name]
    proto = onnx.load_model_from_string(graph.to_bytes())
    change(proto)
    (tmp_path / "net.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(UsageError) as error:
        load_graph(tmp_path / "net.onnx")
    finding, = error.value.diagnostics
    assert (finding.code, error.value.exit_code) == (code, 2)
    assert finding.message.isprintable()
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


@pytest.mark.parametrize("data", [b"x", b"\x08\x0a" * 1000, b"\xff" * 100])
def test_what_is_no_onnx_file(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(UsageError, match="NC003"):
        load_graph(tmp_path / "net.onnx")
