"""A format that the package does not know: declared here, put into the table, it does all.

A `.toy` file is JSON: one layer of integrate-and-fire neurons, `weight[out][in]`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

import neurocompile
from neurocompile.config.schema import configuration_schema
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.format import (
    GRAPH,
    NETWORK,
    Document,
    Format,
    Package,
    Say,
    Writer,
)
from neurocompile.formats.reading import capture_model, source
from neurocompile.formats.regular import corrupt
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample
from neurocompile.formats.table import FORMATS, format_options
from neurocompile.input_sizes import InputSizes
from neurocompile.ir.graph import Graph
from neurocompile.ir.graph_file import load_graph
from neurocompile.ir.network import Network
from neurocompile.option_values import Choice, Whole
from neurocompile.options import option
from neurocompile.passes.lowering.lower import lower
from tests.commands import command_line

WEIGHT = [[0.5, 0.25, 0.0], [0.0, 0.75, 0.5]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyOptions:
    """What a .toy file leaves open."""

    steps: int = option(Whole(1, 64), 4, "Ticks that a .toy file's input is held for.")
    order: str = option(Choice(("rows", "columns")), "rows", "How a .toy file lists weights.")


class ToyModel(nn.Module):
    """Spikes per tick for inputs [batch, in] that hold for some ticks."""

    def __init__(self, weight: torch.Tensor, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        self.layer.weight = nn.Parameter(weight)
        self.neuron = neuron.IFNode(step_mode="m")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.neuron(self.layer(x).unsqueeze(0).repeat(self.steps, 1, 1)).mean(0)


def read(request: Request, sample: Sample | None, options: ToyOptions, say: Say) -> Capture:
    path = Path(request.spec)
    try:
        weight = torch.tensor(json.loads(path.read_text())["weight"], dtype=torch.float32)
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(corrupt(path, "a toy", str(error))) from None
    if options.order == "columns":
        weight = weight.T
    own = replace(request, input=InputSizes((weight.shape[1],)))
    return capture_model(own, ToyModel(weight, options.steps), sample, path.name,
                         (source("graph", path),))


def write(network: Network, options: ToyOptions) -> Document:
    weight = network.projections[0].operator.matrix().toarray()
    if options.order == "columns":
        weight = weight.T
    text = json.dumps({"weight": np.round(weight, 6).tolist()})
    return Document(text.encode(), f"{weight.size} toy weights",
                    (Diagnostic("NC117", values={"module": "neuron", "what": "the neuron",
                                                 "consequence": ": it integrates and fires"}),))


TOY = Format(name="toy", suffixes=(".toy",), summary="a layer of a toy, for a test", read=read,
             writer=Writer(NETWORK, write, "the weights of a toy"), options_type=ToyOptions,
             packages=(Package("toy-package-that-is-absent"),))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with `net.toy` in it; the format is in the table."""
    monkeypatch.setitem(FORMATS, ".toy", TOY)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.toy").write_text(json.dumps({"weight": WEIGHT}))
    return tmp_path


def run(capsys: Any, command: str, code: int = 0) -> str:
    """What a command writes, to both streams."""
    return "".join(command_line.run(capsys, command, code))


def test_it_is_found_by_suffix(folder: Path, capsys: Any) -> None:
    assert "loihi2" in run(capsys, "check net.toy -t loihi2")
    run(capsys, "build net.toy -t loihi2 -o built --no-verify")
    manifest = json.loads((folder / "built/manifest.json").read_text())
    assert [(one["role"], one["name"]) for one in manifest["inputs"]] == [("graph", "net.toy")]


def test_without_the_table_it_is_unknown(folder: Path, capsys: Any,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FORMATS, ".toy")
    assert "NC109" in run(capsys, "check net.toy -t loihi2", 2)
    assert "No such option" in run(capsys, "check net.toy -t loihi2 --toy-steps 3", 2)
    assert ".toy" not in run(capsys, "check --help")


def test_what_is_broken_is_its_own_finding(folder: Path, capsys: Any) -> None:
    (folder / "net.toy").write_text("{}")
    assert "error[NC003]" in run(capsys, "check net.toy -t loihi2", 2)


def test_its_options_reach_it(folder: Path, capsys: Any) -> None:
    run(capsys, "export net.toy --toy-steps 7 -o a.onnx")
    run(capsys, "export net.toy --toy-steps 7 --toy-order columns -o b.onnx")
    networks = [lower(load_graph(folder / name))[0] for name in ("a.onnx", "b.onnx")]
    assert [net.n_ticks for net in networks] == [7, 7]
    assert [net.inputs[0].shape for net in networks] == [(3,), (2,)]


@pytest.mark.parametrize("command", ["check net.toy -t loihi2", "build net.toy -t loihi2 -o built",
                                     "export net.toy -o net.onnx"])
def test_a_bad_value_of_an_option(folder: Path, capsys: Any, command: str) -> None:
    for words, reason in (("--toy-steps 65", "a whole number from 1 to 64"),
                          ("--toy-steps many", "a whole number from 1 to 64"),
                          ("--toy-order diagonal", "one of rows, columns")):
        text = run(capsys, f"{command} {words}", 2)
        flag, value = words.split()
        assert f"error[NC009]: `{flag}` cannot be `{value}`: it is {reason}" in text
    assert [file.name for file in folder.iterdir()] == ["net.toy"]


def test_options_are_keywords_of_the_api(folder: Path) -> None:
    verdict = neurocompile.check("net.toy", toy_steps=9)
    assert verdict.compilation is not None
    assert verdict.compilation.network.n_ticks == 9
    with pytest.raises(UsageError, match=r"NC009.*--toy-steps"):
        neurocompile.check("net.toy", toy_steps=0)
    result = neurocompile.build("net.toy", folder / "built", verify_samples=0, toy_order="columns")
    assert result.compilation.network.inputs[0].shape == (2,)
    with pytest.raises(TypeError, match="toy_stepz"):
        neurocompile.check("net.toy", toy_stepz=9)


def test_options_are_keys_of_the_configuration(folder: Path, capsys: Any) -> None:
    (folder / "neurocompile.toml").write_text(
        '[models.net]\nweights = "net.toy"\ntoy-steps = 7\n')
    for words, n_ticks in (("", 7), ("--toy-steps 9", 9)):  # what is typed goes before
        run(capsys, f"export net -o net.onnx {words}")
        assert lower(load_graph(folder / "net.onnx"))[0].n_ticks == n_ticks
    (folder / "neurocompile.toml").write_text(
        '[models.net]\nweights = "net.toy"\ntoy-steps = 0\n')
    text = run(capsys, "check net -t loihi2", 2)
    assert "NC002" in text
    assert "models.net.toy-steps" in text
    assert "toy-steps" in configuration_schema()["properties"]["models"][
        "additionalProperties"]["properties"]


def test_an_option_of_another_format_is_refused(folder: Path, capsys: Any) -> None:
    run(capsys, "export net.toy -o net.onnx")
    text = run(capsys, "check net.onnx -t loihi2 --toy-steps 3", 2)
    assert "error[NC009]: `--toy-steps` cannot be `3`: it is for .toy files only" in text
    run(capsys, "export net.onnx -o again.toy --toy-steps 3")  # of the file that is written


def test_a_near_miss_is_hinted_at(folder: Path, capsys: Any) -> None:
    assert "did you mean `net.toy`?" in run(capsys, "check net.tyo -t loihi2", 2)


def test_rates_are_of_the_samples_that_were_replayed(folder: Path, capsys: Any) -> None:
    """Where a finding ends the compilation; a graph in a file was replayed on something else."""
    np.savez(folder / "s.npz", x=np.ones((3, 3), np.float32))
    options = "-t truenorth --sample s.npz -v"
    assert "rates of 3 samples" in run(capsys, f"check net.toy {options}", 1)
    run(capsys, "export net.toy --sample s.npz -o net.onnx")
    assert "rates of" not in run(capsys, f"check net.onnx {options}", 1)


def test_help_and_doctor_name_it(folder: Path, capsys: Any) -> None:
    for command in ("check", "build", "export"):
        text = " ".join(run(capsys, f"{command} --help").split())
        assert "--toy-steps N Ticks that a .toy file's input is held for." in text
        assert ".toy a layer of a toy, for a test" in text
    assert ".toy the weights of a toy" in text
    line, = (line for line in run(capsys, "doctor").splitlines() if line.startswith("toy-package"))
    assert line.split(maxsplit=1)[1].split() == ["not", "installed", ".toy", "files"]


def test_doctor_misses_a_package_that_is_needed(folder: Path, capsys: Any,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    core = replace(TOY, packages=(Package("toy-package-that-is-absent", core=True),))
    monkeypatch.setitem(FORMATS, ".toy", core)
    assert "MISSING" in run(capsys, "doctor", 2)


def test_it_is_written_and_read_back(folder: Path, capsys: Any) -> None:
    text = run(capsys, "export net.toy -o again.toy")
    assert "wrote again.toy: 6 toy weights" in text
    assert "warning[NC117]" in text
    assert json.loads((folder / "again.toy").read_text()) == {"weight": WEIGHT}


def test_a_writer_of_graphs_gets_the_graph(folder: Path, capsys: Any,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    def describe(graph: Graph, _: ToyOptions) -> Document:
        return Document("\n".join(node.op_type for node in graph.nodes()).encode(), "a list")

    monkeypatch.setitem(FORMATS, ".txt", Format(
        name="list", suffixes=(".txt",), summary="operators",
        writer=Writer(GRAPH, describe, "the operators of the graph")))
    assert "wrote net.txt: a list" in run(capsys, "export net.toy -o net.txt")
    assert "IF" in (folder / "net.txt").read_text().split()
    assert "NC109" in run(capsys, "check net.txt -t loihi2", 2)  # written, not read


def test_an_unknown_suffix_is_refused_before_anything_is_read(folder: Path, capsys: Any) -> None:
    text = run(capsys, "export absent.toy -o net.xyz", 2)
    assert "error[NC009]: `--output` cannot be `net.xyz`: `.xyz` files are not written" in text
    assert "name a file that ends in .onnx, .nir, .net, .toy" in text


def test_a_form_that_no_family_has(folder: Path, capsys: Any,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer("toy integers", write, "the integers of a toy")
    monkeypatch.setitem(FORMATS, ".toy", replace(TOY, writer=writer))
    assert "NC601" in run(capsys, "export net.toy -o x.toy", 2)


def test_names_of_options_are_its_own(folder: Path) -> None:
    names = [one.name for one in format_options()]
    assert {"toy_steps", "toy_order", "nir_dt"} <= set(names)
    assert len(names) == len(set(names))
