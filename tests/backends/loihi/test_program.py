"""Emitted programs: their text, and what Lava makes of them."""

from __future__ import annotations

import ast
import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neurocompile.array_file import write_arrays
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.backends.results import Reference
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.ir.encoder import Encoder
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.ir.schedule import Schedule
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.target.loihi import LoihiTarget
from tests.backends.loihi.conftest import Case
from tests.loihi import loihi_target
from tests.paths import TESTS

GOLDEN = TESTS / "backends/loihi/golden"
HOSTILE = ('a"; import os; os.system("x") #', "{{7*7}}", "../../x", "'''\n\\\u202e{% raw %}")


def tiny(names: tuple[str, ...] = ("image", "first", "second", "on host")) -> Network:
    image, first, second, host = names
    one = Input("one", (1,), InputKind.ONE)
    weight = np.array([[2, -4, 6], [8, 0, -256]], np.int32)
    return Network(
        (Input(image, (3,), InputKind.STATIC), one),
        (Population(first, (3,), LoihiNeuron(4095, 0, 100)),
         Population(second, (2,), LoihiNeuron(4095, 2048, 64), Bias(np.array([3, -5]), 2)),
         Population(host, (2,), LoihiNeuron(4095, 0, 64), on_host=True)),
        (Projection(first, second, Dense((3,), (2,), weight), exponent=1),
         Projection("one", second, Dense((1,), (2,), np.array([[255], [0]], np.int32))),
         Projection(host, second, Dense((2,), (2,), np.array([[-255, -1], [0, -7]], np.int32)))),
        (), 4,
        (Encoder(target=first, terms=((image, Dense((3,), (3,), np.eye(3, dtype=np.int64))),),
                 offset=np.zeros(3, np.int64), input_shift=8, output_shift=2, exponent=6,
                 low=-4095, high=4095),))


def schedule(network: Network) -> Schedule:
    names = [p.name for p in network.populations]
    return Schedule({**{i.name: 0 for i in network.inputs},
                     names[0]: 0, names[1]: 1, names[2]: 0}, network.n_ticks)


def test_emits_the_golden_program(tmp_path: Path, loihi2: LoihiTarget,
                                  request: pytest.FixtureRequest) -> None:
    network = tiny()
    emission = emit(network, schedule(network), loihi2, tmp_path)
    names = {str(f.relative_to(tmp_path)) for f in emission.files}
    assert names == {str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if f.is_file()}
    assert {"net.py", "network.json", "weights.npz", "README.md", "lavacompat.py",
            "processes/__init__.py"} <= names
    for name in ("net.py", "network.json", "README.md"):
        assert (tmp_path / name).read_text() == (GOLDEN / name).read_text(), name


def test_same_network_gives_same_bytes(tmp_path: Path, zoo: Case, loihi2: LoihiTarget) -> None:
    for folder in ("a", "b"):
        files = emit(zoo.network, zoo.schedule, loihi2, tmp_path / folder).files
    for file in files:
        other = tmp_path / "a" / file.relative_to(tmp_path / "b")
        assert file.read_bytes() == other.read_bytes(), file
    with zipfile.ZipFile(tmp_path / "a" / "weights.npz") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_names_of_the_model_never_become_code(tmp_path: Path, loihi2: LoihiTarget) -> None:
    plain, hostile = tiny(), tiny(HOSTILE)
    emit(plain, schedule(plain), loihi2, tmp_path / "plain")
    files = emit(hostile, schedule(hostile), loihi2, tmp_path / "deep" / "hostile").files
    for file in files:
        if file.suffix == ".py":
            ast.parse(file.read_text())
        if file.name != "network.json":
            twin = tmp_path / "plain" / file.relative_to(tmp_path / "deep" / "hostile")
            assert file.read_bytes() == twin.read_bytes()
    data = json.loads((tmp_path / "deep" / "hostile" / "network.json").read_text())
    assert [p["name"] for p in data["populations"]] == list(HOSTILE[1:])
    assert {p.name for p in tmp_path.iterdir()} == {"plain", "deep"}
    assert {p.name for p in (tmp_path / "deep").iterdir()} == {"hostile"}


def test_notes_what_lava_has_not(tmp_path: Path, zoo: Case, loihi2: LoihiTarget) -> None:
    diagnostics = emit(zoo.network, zoo.schedule, loihi2, tmp_path).diagnostics
    assert [d.code for d in diagnostics] == ["NC605"] * 4 + ["NC607"] * 2 + ["NC606"]
    assert "`n010` (SoftDelayedLIF) needs a neuron program" in (tmp_path / "README.md").read_text()


def test_refuses_what_does_not_fit(tmp_path: Path, zoo: Case, loihi2: LoihiTarget) -> None:
    with pytest.raises(FindingsError, match=r"NC202.*soft"):
        emit(zoo.network, zoo.schedule, loihi_target("loihi1"), tmp_path / "a")
    with pytest.raises(UsageError, match="NC601"):
        emit(zoo.network, zoo.schedule, dataclasses.replace(loihi2, family="truenorth"),
             tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, zoo: Case, loihi2: LoihiTarget) -> Path:
    folder = tmp_path_factory.mktemp("program")
    emit(zoo.network, zoo.schedule, loihi2, folder)
    return folder


@pytest.mark.lava
def test_lava_equals_the_specification(program: Path, zoo: Case, zoo_reference: Reference,
                                       tmp_path: Path) -> None:
    result = verify(program, zoo.network, zoo.schedule, zoo.inputs, zoo_reference, limit=120,
                    work=tmp_path)
    assert result.diagnostics == ()
    assert result.differences == 0
    for population in result.populations:
        events = zoo.network.n_ticks * result.samples * population.neurons
        assert 0.04 < population.spikes / events < 0.7, population.name
    assert result.summary == (f"verified on 3 samples, 18 ticks, {result.spikes:,} spikes: "
                              "0 differences")
    assert not list(program.rglob("__pycache__"))


@pytest.mark.lava
def test_a_changed_weight_is_found(zoo: Case, zoo_reference: Reference, loihi2: LoihiTarget,
                                   tmp_path: Path) -> None:
    network = dataclasses.replace(  # encoded -> hidden -> deeper
        zoo.network, populations=zoo.network.populations[:3],
        projections=zoo.network.projections[:2], encoders=zoo.network.encoders[:1])
    emit(network, zoo.schedule, loihi2, tmp_path / "program")
    weights = dict(np.load(tmp_path / "program" / "weights.npz"))
    weights["p001"][3] = 20  # all synapses of `hidden -> deeper` into neuron 3
    write_arrays(tmp_path / "program" / "weights.npz", weights)
    result = verify(tmp_path / "program", network, zoo.schedule, zoo.inputs, zoo_reference,
                    limit=120, work=tmp_path)
    first = result.diagnostics[0]
    assert first.code == "NC702"
    assert (first.values["population"], first.values["neuron"]) == ("deeper", 3)
    assert [p.name for p in result.populations if p.differences] == ["deeper"]
    at = (int(str(first.values["sample"])), int(str(first.values["tick"])), 3)
    expected = zoo_reference.spikes["deeper"][at]
    assert (first.values["expected"], first.values["found"]) == (expected, 1 - expected)
    assert str(first.values["expected_v"]) == f"{zoo_reference.v['deeper'][at]:,}"
    v = np.load(tmp_path / "first-difference" / "v_n002.npy")
    assert first.values["found_v"] == v[-1, 3]
    others = np.arange(20) != 3  # agree to the last tick, in state as well
    potentials = zoo_reference.v["deeper"].reshape(-1, 20)
    np.testing.assert_array_equal(v[:, others], potentials[: len(v), others])
