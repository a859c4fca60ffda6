"""A kept capture is taken again only while everything that it came from is as it was."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurocompile.formats.cache import cached, installed
from neurocompile.formats.cache.cached import load_cached
from neurocompile.formats.cache.imports import impurities
from neurocompile.formats.cache.likeness import alike
from neurocompile.formats.cache.store import Store
from neurocompile.formats.cache.witness import Witness
from neurocompile.formats.load import load_model
from neurocompile.formats.net.layers import Cell, DenseLayer, InputLayer, NetFile
from neurocompile.formats.net.write import net_bytes
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample
from neurocompile.input_sizes import InputSizes

NET = """
import torch
from spikingjelly.activation_based import neuron
from torch import nn
{head}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.lif = nn.Linear(4, 3), neuron.IFNode(v_threshold=0.5)
        {body}

    def forward(self, x):
        return self.lif(self.fc(x) * {gain})

def make():
    return Net()
"""
FROM_CACHE = "as captured before"


@pytest.fixture
def observer() -> Witness:
    return Witness()


@dataclass
class Project:
    """A user's folder, and what was lines of its models."""

    folder: Path
    name: str
    lines: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def write(self, head: str = "", body: str = "pass", gain: str = "1.0") -> None:
        text = NET.format(head=head, body=body, gain=gain)
        (self.folder / f"{self.name}.py").write_text(text)

    def load(self, sample: Sample | None = None, **request: Any) -> Capture:
        self.lines.clear()
        self.remarks.clear()
        values = {"spec": f"{self.name}:make", "input": InputSizes((4,)), "n_ticks": 2, "prove": False, **request}
        return load_cached(
            Request(folders=(self.folder,), **values), sample,
            Store(self.folder / "cache"), self.lines.append, self.remarks.append)

    @property
    def from_cache(self) -> bool:
        return any(FROM_CACHE in text for text in self.lines)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, observer: Witness,
            request: pytest.FixtureRequest) -> Iterator[Project]:
    monkeypatch.setattr(cached, "witness", lambda: observer)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    number = sum(map(ord, request.node.name))
    yield Project(tmp_path, f"net{number}")
    for name in set(sys.modules) - before:
        if name.startswith(("net", "helper")):
            del sys.modules[name]


def test_the_second_capture_is_the_first(project: Project) -> None:
    project.write()
    first = project.load()
    assert (project.from_cache, project.remarks) == (False, [])
    second = project.load()
    assert project.from_cache
    assert second.graph.to_bytes() == first.graph.to_bytes()
    assert (second.name, second.sources, second.examples) == (
        first.name, first.sources, first.examples)
    assert not {"make", "Net"} & set(_entry(project).split())


def _entry(project: Project) -> str:
    path, = (project.folder / "cache").iterdir()
    return path.read_bytes().partition(b"\n")[2].partition(b"\n")[0].decode()


def _change_helper(project: Project) -> None:
    (project.folder / "helper_of_nets.py").write_text("GAIN = 2.5\n")


def _change_weights(project: Project) -> None:
    state = torch.load(project.folder / "w.pt")
    state["fc.weight"][0, 0] += 1
    torch.save(state, project.folder / "w.pt")


def _add_hiding_module(project: Project) -> None:
    (project.folder / "spikingjelly.py").write_text("")


CHANGES: dict[str, Callable[[Project], object]] = {
    "a helper": _change_helper, "weights": _change_weights, "a new module": _add_hiding_module,
    "data": lambda project: (project.folder / "data.txt").write_text("2.0"),
    "a file where none was": lambda project: (project.folder / "absent.txt").write_text("")}
HEAD = """
from helper_of_nets import GAIN
with open({data!r}) as stream:
    DATA = float(stream.read())
try:
    open({absent!r})
except OSError:
    pass
"""


def _full(project: Project) -> dict[str, Any]:
    """A model that reads a helper, weights and data; the arguments of `load`."""
    folder = project.folder
    (folder / "helper_of_nets.py").write_text("GAIN = 1.5\n")
    (folder / "data.txt").write_text("1.0")
    torch.save({"fc.weight": torch.ones(3, 4), "fc.bias": torch.zeros(3)}, folder / "w.pt")
    project.write(HEAD.format(data=str(folder / "data.txt"), absent=str(folder / "absent.txt")),
                  gain="GAIN * DATA")
    return {"weights": folder / "w.pt"}


def test_any_change_captures_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    more = _full(project)
    project.load(**more)
    assert not project.remarks
    contents = {path: path.read_bytes() for path in project.folder.iterdir() if path.is_file()}
    entries = _read_all(project)
    for what, change in CHANGES.items():
        change(project)
        assert _hits(project, more) == 0, what
        for path in project.folder.iterdir():
            if path.is_file():
                path.unlink()
        for path, content in contents.items():
            path.write_bytes(content)
        assert _hits(project, more) == 1, what
    assert _read_all(project) == entries
    sample = Sample(Path("x.npz"), {"x": np.ones((4, 4), np.float32)})
    assert _hits(project, more, sample) == 0
    assert _hits(project, {**more, "n_ticks": 3}) == 0
    versions = installed.versions()
    monkeypatch.setattr(cached, "versions", lambda: {**versions, "distributions": []})
    assert _hits(project, more) == 0
    monkeypatch.setattr(cached, "versions", lambda: versions)
    assert _hits(project, more) == 1
    monkeypatch.setenv("WIDTH", "7")
    other = Witness()
    monkeypatch.setattr(cached, "witness", lambda: other)
    assert _hits(project, more) == 0


def _read_all(project: Project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (project.folder / "cache").iterdir()}


class _NoCapture(Exception):
    """Instead of a capture."""


def _hits(project: Project, more: dict[str, Any], sample: Sample | None = None) -> int:
    """Whether a load is answered without a capture."""
    with pytest.MonkeyPatch.context() as patch:
        def refuse(*_: object) -> Capture:
            raise _NoCapture
        patch.setattr(cached, "load_model", refuse)
        try:
            project.load(sample, **more)
        except _NoCapture:
            return 0
    return 1


@pytest.mark.parametrize(("head", "body", "reason"), [
    ("import time", "pass", "imports time"),
    ("", "self.noise = torch.tensor(torch.seed() % 1000)", "another model"),
    ("", "self.numbers = [object()]", "another model"),
    ("", "self.fc.weight.data = eval('torch.ones(3, 4)')", "uses `eval`"),
])
def test_what_depends_on_more_is_not_kept(project: Project, head: str, body: str, reason: str
                                          ) -> None:
    project.write(head, body)
    project.load()
    assert len(project.remarks) == 1
    assert reason in project.remarks[0]
    assert not (project.folder / "cache").exists()


def test_what_changes_while_it_is_read_is_not_kept(project: Project) -> None:
    project.write()
    file = project.folder / f"{project.name}.py"
    with pytest.MonkeyPatch.context() as patch:
        def load_and_change(*arguments: Any) -> Capture:
            capture = load_model(*arguments)
            file.write_text(file.read_text() + "\n")
            return capture
        patch.setattr(cached, "load_model", load_and_change)
        project.load()
    assert "changed meanwhile" in project.remarks[0]


def test_a_damaged_entry_is_captured_again(project: Project) -> None:
    project.write()
    project.load()
    path, = (project.folder / "cache").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert _hits(project, {}) == 0


def test_a_file_of_a_format_is_kept(project: Project) -> None:
    net = NetFile(InputLayer((3,), None), {1: DenseLayer(
        weight=np.full((2, 3), 40), cell=Cell(4096, 512, 40))}, 2)
    file = project.folder / "chain.net"
    file.write_bytes(net_bytes(net))

    def load() -> Capture:
        return project.load(spec=str(file), input=None, n_ticks=None)
    first = load()
    assert not project.remarks
    assert load().graph.to_bytes() == first.graph.to_bytes()
    assert project.from_cache
    file.write_bytes(net_bytes(replace(net, ticks=3)))
    assert load().graph.to_bytes() != first.graph.to_bytes()


def test_versions_are_those_of_what_is_installed(monkeypatch: pytest.MonkeyPatch,
                                                 tmp_path: Path) -> None:
    assert any(name.startswith("torch-") for name, _ in installed._distributions(sys.path))
    (tmp_path / "snntorch-1.0.0.dist-info").mkdir()
    monkeypatch.setattr(installed, "is_installed", lambda path: True)
    before = list(installed._distributions([str(tmp_path)]))
    (tmp_path / "snntorch-1.0.0.dist-info").rename(tmp_path / "snntorch-1.0.1.dist-info")
    assert [name for name, _ in before] == ["snntorch-1.0.0.dist-info"]
    assert list(installed._distributions([str(tmp_path)])) != before


def test_sources_that_are_pure() -> None:
    source = "from . import a\nimport torch.nn as nn, math\nfrom own.b import c\n"
    assert not list(impurities(source, {"own"}))
    assert list(impurities(source, ())) == ["imports own.b"]
    for text in ("import os", "def f():\n    from random import random", "torch.hub.load('x')",
                 "torch.from_file('x')", "from torch import hub", "import torch.jit",
                 "__import__('os')", "np.datetime64('now')"):
        assert list(impurities(text, ())), text


def test_models_that_are_alike() -> None:
    def make(value: float) -> object:
        layer = torch.nn.Linear(2, 2)
        torch.nn.init.constant_(layer.weight, value)
        torch.nn.init.zeros_(layer.bias)
        vars(layer)["slope"] = lambda x: x * value
        return torch.nn.Sequential(layer, layer)
    assert alike(make(1.0), make(1.0))
    assert not alike(make(1.0), make(2.0))
    assert not alike([object()], [object()])
    assert not alike({"a": 1}, {"b": 1})
    assert not alike(1, 1.0)
