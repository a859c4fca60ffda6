"""Programs of torch.export: read exactly, and nothing in a hostile one is run."""

from __future__ import annotations

import resource
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from neurocompile.backends import synchronous
from neurocompile.diagnostics import NeurocompileError, UsageError
from neurocompile.formats.load import load_model
from neurocompile.formats.pt2.archive import load_program
from neurocompile.formats.request import Request
from neurocompile.formats.samples import Sample
from neurocompile.ir.input_axes import input_axes
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower
from tests.formats.pt2.pt2_files import CASES, Net, X, sound


def test_a_program_is_captured_and_spikes_like_its_model(tmp_path: Path) -> None:
    sound(tmp_path / "net.pt2")
    capture = load_model(Request(spec=str(tmp_path / "net.pt2")))
    assert check_graph(capture.graph) == []
    network, _ = lower(capture.graph)
    assert len(network.populations) == 2
    name = network.inputs[0].name
    run = synchronous.run(network, {name: X.movedim(0, 1).double().numpy()})
    with torch.no_grad():
        expected = Net().eval()(X)
    output = torch.from_numpy(run.read(network.readouts[0]))
    assert all(0.05 < s.mean() < 0.95 for s in run.spikes.values())
    assert torch.equal((output * 6).round(), (expected * 6).round())


@pytest.mark.parametrize("count", [2, 6])
def test_a_sample_stands_where_the_program_has_it(tmp_path: Path, count: int) -> None:
    """Six ticks of two samples, or of six: then the sizes do not say which axis is which."""
    x = X.repeat(1, 3, 1)[:, :count]
    torch.export.save(torch.export.export(Net().eval(), (x,)), tmp_path / "net.pt2")
    sample = Sample(tmp_path / "s.npz", {"x": x.movedim(1, 0).numpy()})
    capture = load_model(Request(spec=str(tmp_path / "net.pt2"), prove=False), sample)
    assert [str(axes.form) for axes in input_axes(capture.graph)] == ["6xNx5"]
    assert [note.code for note in capture.notes] == (["NC031"] if count == 6 else [])
    network, _ = lower(capture.graph)
    outputs, = synchronous.outputs(network, capture.fit(sample)).values()
    with torch.no_grad():
        assert np.array_equal((outputs * 6).round(), (Net().eval()(x) * 6).round().numpy())


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    sound(tmp_path / "net.pt2")
    program = load_program(tmp_path / "net.pt2")
    with torch.no_grad():
        assert torch.equal(program.module()(X), Net().eval()(X))


def test_pickled_sample_inputs_are_never_loaded(tmp_path: Path) -> None:
    """The file is sound but for its sample inputs, which nothing needs."""
    from tests.formats.pt2.pt2_files import _after, _pickle

    path = tmp_path / "net.pt2"
    _after(lambda members, path: members.update(
        {"data/sample_inputs/model.pt": _pickle(path)}))(path)
    load_program(path)
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("name", CASES)
def test_hostile_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, code = CASES[name]
    make(tmp_path / "x.pt2")
    monkeypatch.chdir(tmp_path)
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NeurocompileError) as error:
        load_model(Request(spec="x.pt2"))
    finding, = error.value.diagnostics
    assert (finding.code, error.value.exit_code) == (code, 2)
    assert finding.message.isprintable()
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt2"]
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def test_two_members_of_one_name(tmp_path: Path) -> None:
    sound(tmp_path / "x.pt2")
    with zipfile.ZipFile(tmp_path / "x.pt2", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(archive.namelist()[0], b"again")
    with pytest.raises(UsageError, match="two members"):
        load_program(tmp_path / "x.pt2")


class Counting(Net):
    """Keeps a count between calls."""

    calls: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.add_(1)
        return super().forward(x) * self.calls


def test_a_program_that_keeps_state_is_refused(tmp_path: Path) -> None:
    torch.export.save(torch.export.export(Counting().eval(), (X,), strict=False),
                      tmp_path / "x.pt2")
    with pytest.raises(UsageError, match=r"NC107.*`calls`"):
        load_model(Request(spec=str(tmp_path / "x.pt2")))
