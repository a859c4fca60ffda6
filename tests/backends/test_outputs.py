"""Host programs of a build: read by its description alone, they give the model's outputs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.backends.synchronous import outputs, run
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import UsageError
from neurocompile.families.compilation import Compilation
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.table import family_of
from neurocompile.families.targets import load_target
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from tests.capture import nets
from tests.loihi import compile_for_loihi, loihi_target

TICKS = 5


class Readouts(nn.Module):
    """Leaky integrators behind the last layer: each tick, the last, the peak, and what it answers."""

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay, self.a, self.b, self.c = decay, nn.Linear(12, 20), nn.Linear(20, 16), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Any:  # [samples, 5, 12]
        v, w = torch.zeros(len(x), 20), torch.zeros(len(x), 16)
        spikes = []
        for t in range(TICKS):
            v = self.decay * v + self.a(x[:, t])
            s = (v > 1.0).float()
            v = v * (1 - s)
            w = self.decay * w + self.b(s)
            z = (w > 1.0).float()
            w = w * (1 - z)
            spikes.append(z)
        return self.readout(spikes)

    def readout(self, spikes: list[Tensor]) -> Any:
        m, trace = torch.zeros(len(spikes[0]), 4), []
        for z in spikes:
            m = 0.8 * m + self.c(z)
            trace.append(m)
        record = torch.stack(trace, 1)
        return record, m, torch.softmax(record.amax(1), -1), sum(spikes)


@cache
def readout_net(decay: float) -> tuple[Readouts, Tensor, Any]:
    torch.manual_seed(0)
    model = Readouts(decay).eval()
    for layer in (model.a, model.b):
        layer.weight.data.mul_(4)
    x = nets.image(8, TICKS, 12)
    return model, x, capture(model, x[:4])


def by_description(folder: Path, spikes: dict[str, Array]) -> dict[str, Array]:
    """All outputs of programs, as network.json says they are computed; `spikes` by its names."""
    description = json.loads((folder / "network.json").read_text())
    values = {}
    for entry in description["readouts"]:
        if entry["ticks"] != "program":
            continue
        program, parts = entry["program"], []
        options = ort.SessionOptions()  # as the reference adds up, in one order
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(folder / program["file"], options)
        count = program["samples"]
        for start in range(0, len(next(iter(spikes.values()))), count):
            feeds = {}
            for one in program["inputs"]:
                train = spikes[one["source"]][start:start + count]
                train = train if one["tick"] is None else train[:, one["tick"]:one["tick"] + 1]
                assert [axis for dim in one["axes"] for axis in dim][:1] == ["samples"]
                shape = [int(np.prod([count if axis == "samples" else TICKS if axis == "ticks" else axis
                                      for axis in dim])) for dim in one["axes"]]
                feeds[one["name"]] = train.reshape(shape).astype(one["type"])
            parts.append(session.run(None, feeds)[0])
        values[entry["name"]] = np.concatenate(parts)
    return values


def model_outputs(model: Readouts, spikes: Array) -> list[Array]:
    """What the model makes of these spikes [samples, ticks, neurons]."""
    with torch.no_grad():
        outputs = model.readout([torch.as_tensor(spikes[:, t]).float() for t in range(TICKS)])
    return [output.numpy() for output in outputs]


def assert_outputs(compilation: Compilation, model: Readouts, result: Any) -> None:
    network = compilation.network
    last = network.host_programs[0].sources[0]
    assert 0.02 < result.spikes[last].mean() < 0.98
    expected = model_outputs(model, result.spikes[last])
    assert [output.number for output in network.outputs] == [0, 1, 2, 3]
    assert [program.number for program in network.host_programs] == [0, 1, 2]
    for output, values in zip(network.outputs, expected, strict=True):
        bound = 0.0 if output.number == 3 else 1e-5 * np.abs(values).max()
        assert np.abs(result.read(output) - values).max() <= bound
    by_tick = network.outputs[0]
    assert np.array_equal(by_tick.answers(result.read(by_tick)), expected[0].sum(1).argmax(1))


@pytest.mark.lava
def test_on_loihi(tmp_path: Path) -> None:
    model, x, graph = readout_net(0.875)
    compilation = compile_for_loihi(graph, loihi_target())
    network, schedule = compilation.network, compilation.schedule
    result = run(network, {"x": x.numpy()})
    assert_outputs(compilation, model, result)
    emission = emit(network, schedule, loihi_target(), tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in emission.files} >= {
        f"outputs/{number}.onnx" for number in range(3)}
    description = json.loads((tmp_path / "network.json").read_text())
    ids = {one["name"]: one["id"] for one in description["populations"]}
    values = by_description(tmp_path, {ids[name]: train for name, train in result.spikes.items()})
    for program in network.host_programs:
        assert np.array_equal(values[program.name], result.read(program))
    few = {"x": x[:3].numpy()}
    verification = verify(tmp_path, network, schedule, few, run(network, few))
    assert verification.differences == 0
    assert verification.spikes > 20


def test_only_outputs_that_are_wanted() -> None:
    _, x, graph = readout_net(0.875)
    for names in (("3",), ("[3]", "3")):
        network = compile_for_loihi(graph, loihi_target(), Options(outputs=names)).network
        assert [output.number for output in network.outputs] == [3]
        assert network.host_programs == ()
    two = compile_for_loihi(graph, loihi_target(), Options(outputs=("2", "0"))).network
    assert [output.number for output in two.outputs] == [0, 2]
    assert outputs(two, {"x": x.numpy()}).keys() == {output.name for output in two.outputs}
    with pytest.raises(UsageError, match=r"`logits`.*it has 0 or \[0\], 1 or \[1\]"):
        compile_for_loihi(graph, loihi_target(), Options(outputs=("logits",)))


def test_on_truenorth(tmp_path: Path) -> None:
    model, x, graph = readout_net(1.0)
    target = load_target("truenorth")
    compilation = compile_graph(graph, target)
    result = run(compilation.network, {"x": x.numpy()})
    assert_outputs(compilation, model, result)
    family_of(target).emit(compilation, tmp_path)
    values = by_description(tmp_path, result.spikes)
    assert len(values) == 3
    for program in compilation.network.host_programs:
        assert np.array_equal(values[program.name], result.read(program))
