"""From a Graph to cores, stage by stage, and on to the simulator and the report."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurocompile
from neurocompile.backends import synchronous
from neurocompile.backends.truenorth.network_file import load_network, save_network
from neurocompile.backends.truenorth.ranc import canonical
from neurocompile.backends.truenorth.ranc_import import read_ranc
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import FindingsError, Severity
from neurocompile.families.documents import report
from neurocompile.families.family import Checks
from neurocompile.families.pipeline import compile_graph, quantize
from neurocompile.families.table import sections_of
from neurocompile.families.targets import load_target
from neurocompile.families.truenorth import TRUENORTH
from neurocompile.families.truenorth.compilation import TrueNorthCompilation
from neurocompile.families.truenorth.crossbars import crossbars
from neurocompile.families.truenorth.estimates import estimates
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import InputKind
from neurocompile.options import Options
from neurocompile.report import html, terminal
from neurocompile.report.model.manifest import Provenance, Tool
from neurocompile.report.model.report import Report
from tests.families import truenorth_models as models

TARGET = load_target("truenorth")
SECTIONS = sections_of(TARGET)


def silent(_: str) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def graph() -> Graph:
    return capture(models.Spiking(), models.frames(4))


@pytest.fixture(scope="module")
def sample() -> dict[str, np.ndarray]:
    return {"x": models.frames(12, 1).movedim(1, 0).numpy()}


@pytest.fixture(scope="module")
def compilation(graph: Graph, sample: dict[str, np.ndarray]) -> TrueNorthCompilation:
    result = compile_graph(graph, TARGET, sample=sample)
    assert isinstance(result, TrueNorthCompilation)
    return result


def documents_of(compilation: TrueNorthCompilation) -> Report:
    """What its reports are made from."""
    provenance = Provenance(tool=Tool(name="neurocompile", version="1"), model="net",
                            target=TARGET.name, options={}, seed=0, inputs=(), versions={})
    return report(compilation, TRUENORTH.demand(compilation), [], provenance)


def codes(error: pytest.ExceptionInfo[FindingsError]) -> set[str]:
    return {d.code for d in error.value.diagnostics if d.level == Severity.ERROR}


def test_stages_and_what_they_make(compilation: TrueNorthCompilation) -> None:
    assert tuple(stage.name for stage in compilation.stages) == TRUENORTH.stages
    assert compilation.options.weight_bits == 4
    assert compilation.n_cores == len(compilation.cores.cores) > 1
    assert compilation.fidelity is not None
    assert all(p.integer_spikes > 100 for p in compilation.fidelity.populations.values())
    assert compilation.network.inputs[0].kind is InputKind.SPIKES
    assert {d.code for d in compilation.diagnostics} <= {"NC701", "NC705"}  # 4 bits, not trained for them


def test_the_emitted_program_gives_the_references_spikes(
        compilation: TrueNorthCompilation, sample: dict[str, np.ndarray], tmp_path: Path) -> None:
    emission = TRUENORTH.emit(compilation, tmp_path / "a")
    verification = TRUENORTH.verify(tmp_path / "a", compilation, sample, Checks(), silent)
    assert (verification.differences, verification.diagnostics) == (0, ())
    assert verification.summary.startswith("verified on 12 samples, 48 ticks")
    assert all(p.spikes > 100 for p in verification.populations)
    again = TRUENORTH.emit(compilation, tmp_path / "b")
    for one, other in zip(emission.files, again.files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_ranc_gets_its_file_where_it_can_express_the_network(
        compilation: TrueNorthCompilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Floors that no sum reaches are none; the file holds the same cores. Large ones: NC614."""
    emission = TRUENORTH.emit(compilation, tmp_path / "small")
    assert not emission.diagnostics
    network, _ = read_ranc(tmp_path / "small/ranc.json")
    assert np.array_equal(network.cores.weights, canonical(compilation.cores).cores.weights)
    assert "ranc.json" in (tmp_path / "small/README.md").read_text()
    monkeypatch.setattr("neurocompile.backends.truenorth.emit.RANC_CORES", 1)
    emission = TRUENORTH.emit(compilation, tmp_path / "large")
    assert [d.code for d in emission.diagnostics] == ["NC614"]
    assert not (tmp_path / "large/ranc.json").exists()


def test_a_threshold_changed_in_the_file_is_found(
        compilation: TrueNorthCompilation, sample: dict[str, np.ndarray], tmp_path: Path) -> None:
    TRUENORTH.emit(compilation, tmp_path)
    path = tmp_path / "network.safetensors"
    network, table = load_network(path), compilation.cores.populations[-1]
    threshold = network.cores.threshold.copy()
    threshold[table.core[2], table.slot[2]] += 40
    save_network(replace(network, cores=replace(network.cores, threshold=threshold)), path)
    verification = TRUENORTH.verify(tmp_path, compilation, sample, Checks(), silent)
    assert verification.differences > 0
    first = verification.diagnostics[0]
    assert first.code == "NC702"
    assert first.values["population"] == table.name
    assert first.values["neuron"] == 2
    assert "v after that tick: reference" in first.notes[0]


def test_activity_is_that_of_the_reference(compilation: TrueNorthCompilation,
                                           sample: dict[str, np.ndarray]) -> None:
    """Each neuron's spikes, and those that it sends before and after the sample's ticks."""
    activity, network = compilation.activity, compilation.cores
    assert activity is not None
    spikes = synchronous.run(compilation.network, sample).spikes
    on = np.unpackbits(network.cores.crossbar, axis=2).sum(axis=2)
    arriving = np.zeros((len(network.cores), 256))
    for table in network.populations:
        expected = spikes[table.name].mean(axis=(0, 1))
        assert np.all(activity.rate[table.core, table.slot] >= expected - 1e-12)
        assert expected.sum() > 0.8 * activity.rate[table.core, table.slot].sum()
    source = network.cores.target_core >= 0
    np.add.at(arriving, (network.cores.target_core[source], network.cores.target_axon[source]),
              activity.rate[source])
    for lines in network.inputs:
        rate = np.ones(len(lines.core)) if lines.always else sample["x"].mean(
            axis=(0, 1)).reshape(-1)[lines.element]
        np.add.at(arriving, (lines.core, lines.axon), rate)
    most = (arriving * on).sum() * network.n_ticks
    assert 0.8 * most < activity.synaptic_events <= most  # spikes of the last tick go nowhere
    assert compilation.mapping.routing.measured
    assert compilation.mapping.routing.messages.sum() == pytest.approx(arriving.sum())


def test_reports_of_a_core_network(compilation: TrueNorthCompilation) -> None:
    documents = documents_of(compilation)
    resources = documents.resources
    assert resources.totals.cores == compilation.n_cores == len(resources.cores)
    assert resources.totals.neurons == 8 * 36 + 24
    first = crossbars(compilation).populations[resources.populations[0].name]
    assert (first.exactness, first.axons_per_input) == ("exact", 4)
    assert sum(s.stop - s.start for core in resources.cores for s in core.slices) == 312
    for core in resources.cores:
        assert max(of.amount for of in core.resources.values()) <= 256
    cost = estimates(compilation).cost
    assert cost is not None
    assert cost.measured
    ticks = compilation.cores.ticks_per_sample
    assert cost.energy_pj["static"][0] == pytest.approx(64e-3 * ticks * 1e-3 * 1e12)
    assert cost.energy_pj["synapses"][0] == pytest.approx(2.3 * cost.synaptic_events, abs=0.01)
    text = terminal.render(documents, SECTIONS)
    for words in ("crossbars", "copies of neurons", "estimate:", "measured in simulation",
                  "potentials are loaded again"):
        assert words in text, words
    page = html.render(documents, SECTIONS)
    assert page.count("<svg") == 1
    assert "Crossbars" in page
    assert f'data-core="{compilation.n_cores - 1}"' in page


def test_a_core_without_a_population_shows_its_role(compilation: TrueNorthCompilation) -> None:
    documents = documents_of(compilation)
    first, *rest = documents.resources.cores
    cores = (replace(first, slices=(), role="splitter of <if1>"), *rest)
    documents = replace(documents, resources=replace(documents.resources, cores=cores))
    assert "splitter of <if1>" in terminal.render(documents, SECTIONS)
    page = html.render(documents, SECTIONS)
    assert page.count("splitter of &lt;if1&gt;") == 2  # the grid's label and the table's row
    assert "splitter of <if1>" not in page


def test_without_a_sample_everything_counts_as_spiking(graph: Graph) -> None:
    result = compile_graph(graph, TARGET)
    assert isinstance(result, TrueNorthCompilation)
    assert result.activity is None
    cost = estimates(result).cost
    assert cost is not None
    assert not cost.measured
    assert "if every axon were active" in terminal.render(documents_of(result), SECTIONS)


def test_a_leak_is_refused_with_what_to_do() -> None:
    graph = capture(models.Spiking(decay=True), models.frames(3))
    with pytest.raises(FindingsError) as error:
        compile_graph(graph, TARGET)
    assert codes(error) == {"NC211"}
    first = error.value.diagnostics[0]
    assert "IFNode" in first.help
    assert str(first.where.file).endswith("truenorth_models.py")


def test_one_tick_needs_no_leak_and_a_binary_image_is_spikes(tmp_path: Path) -> None:
    """LIF neurons over one tick are stateless; 0 and 1 need no host."""
    x = models.bits(30)
    compilation = compile_graph(capture(models.OneTick(), x[:4]), TARGET, sample={"x": x.numpy()})
    assert isinstance(compilation, TrueNorthCompilation)
    assert compilation.network.inputs[0].kind is InputKind.SPIKES
    assert not any(p.on_host for p in compilation.network.populations)
    assert not compilation.cores.reload
    TRUENORTH.emit(compilation, tmp_path)
    assert "a new sample may follow in the next tick" in (tmp_path / "README.md").read_text()
    verification = TRUENORTH.verify(tmp_path, compilation, {"x": x.numpy()}, Checks(), silent)
    assert verification.differences == 0
    assert all(p.spikes > 30 for p in verification.populations)


@pytest.mark.slow
def test_a_gray_image_leaves_the_first_population_to_the_host(tmp_path: Path) -> None:
    x = models.bits(30) * 0.6 + 0.2
    model = models.OneTick(stream=False)
    compilation = compile_graph(capture(model, x[:4]), TARGET, sample={"x": x.numpy()})
    assert isinstance(compilation, TrueNorthCompilation)
    assert [p.on_host for p in compilation.network.order()] == [True, False]
    TRUENORTH.emit(compilation, tmp_path)
    assert "The host runs `lif1`" in (tmp_path / "README.md").read_text()
    verification = TRUENORTH.verify(tmp_path, compilation, {"x": x.numpy()}, Checks(), silent)
    assert verification.differences == 0
    assert verification.spikes > 30


def test_what_is_asked_for_and_cannot_be_had(graph: Graph) -> None:
    result = compile_graph(graph, TARGET, Options(readout="chip"))
    assert "NC209" in {d.code for d in result.diagnostics}
    with pytest.raises(FindingsError) as error:
        compile_graph(graph, TARGET, Options(max_cores=1))
    assert codes(error) == {"NC411"}
    shared = capture(models.OneTick(), models.bits(4))
    with pytest.raises(FindingsError) as error:
        compile_graph(shared, TARGET, Options(streams="adder"))
    assert codes(error) == {"NC210"}
    with pytest.raises(FindingsError) as error:  # the stream reaches the second layer, too
        compile_graph(shared, TARGET, Options(encoder="host"))
    assert codes(error) == {"NC206"}
    assert neurocompile.check(graph, target="truenorth").cores == result.n_cores


@pytest.mark.slow
def test_too_many_inputs_and_every_way_out(tmp_path: Path) -> None:
    """126 inputs of 4 bits: refused; in groups, with fewer bits and in several ticks it fits."""
    x = {"x": models.frames(6, 2).movedim(1, 0).numpy()}
    wide = capture(models.Spiking(groups=1, width=14), models.frames(3))
    with pytest.raises(FindingsError) as error:
        compile_graph(wide, TARGET)
    assert codes(error) == {"NC431"}
    with pytest.raises(FindingsError) as error:
        compile_graph(wide, TARGET, Options(fan_in="group"))
    finding = next(d for d in error.value.diagnostics if d.code == "NC431")
    groups: Any = finding.values["groups"]
    projection = groups["populations"][0]["projections"][0]
    assert "`if1 -> if2`: train it with 2 groups, of 7 to 3 channels" in finding.notes
    assert (projection["inputs"], projection["groups"]) == (14, 2)
    compile_graph(wide, TARGET, Options(weight_bits=2, max_loss=100))
    slow = compile_graph(wide, TARGET, Options(fan_in="exact-slow"), x)
    assert isinstance(slow, TrueNorthCompilation)
    assert slow.cores.step > 1
    TRUENORTH.emit(slow, tmp_path)
    verification = TRUENORTH.verify(tmp_path, slow, x, Checks(), silent)
    assert verification.differences == 0
    assert all(p.spikes > 10 for p in verification.populations)
    assert "exact, slow" in terminal.render(documents_of(slow), SECTIONS)


def test_quantized_is_what_is_compiled(compilation: TrueNorthCompilation) -> None:
    integer_network = quantize(compilation.floating, TARGET, compilation.options)
    for one, other in zip(integer_network.projections, compilation.network.projections,
                          strict=True):
        assert np.array_equal(one.operator.weights, other.operator.weights)


def test_batches_are_verified_as_one(
        compilation: TrueNorthCompilation, sample: dict[str, np.ndarray], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    TRUENORTH.emit(compilation, tmp_path)
    whole = TRUENORTH.verify(tmp_path, compilation, sample, Checks(), silent)
    monkeypatch.setattr("neurocompile.families.truenorth.simulation._BATCH_BYTES", 1)
    messages: list[str] = []
    parts = TRUENORTH.verify(tmp_path, compilation, sample, Checks(), messages.append)
    assert replace(parts, seconds=0.0) == replace(whole, seconds=0.0)
    assert whole.spikes > 100
    assert messages[-1] == "verify 12 of 12 samples"
    cores = load_network(tmp_path / "network.safetensors")
    threshold = cores.cores.threshold + (cores.cores.threshold < 1 << 17)
    save_network(replace(cores, cores=replace(cores.cores, threshold=threshold)),
                 tmp_path / "network.safetensors")
    first = TRUENORTH.verify(tmp_path, compilation, sample, Checks(), silent).diagnostics[0]
    assert first.code == "NC702"
    monkeypatch.undo()
    assert TRUENORTH.verify(tmp_path, compilation, sample, Checks(), silent).diagnostics[0] == first
