"""Files that the frameworks wrote: read, they give the frameworks' own spikes.

`make_files.py` made the files and `golden.npz` and says with which releases.
"""

from __future__ import annotations

import gzip
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurocompile.backends import synchronous
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.formats.load import load_model
from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir.file import load_nir
from neurocompile.formats.nir.load import NirNetwork, read_network
from neurocompile.formats.nir.model import NirNeuron
from neurocompile.formats.nir.options import NirOptions, complete
from neurocompile.formats.nir.producers import Meaning, invert, meaning, ticks_of
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample
from neurocompile.input_sizes import InputSizes
from neurocompile.ir.input_axes import input_axes
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower

HERE = Path(__file__).parent
GOLDEN = np.load(HERE / "golden.npz")
LEAKY = NirOptions(producer="snntorch", unwritten="default")
NORSE = NirOptions(producer="norse", dt=1e-3, reset="hard", tau_scale=1e-3, unwritten="default")
SINABS = NirOptions(producer="sinabs", reset="soft", spikes="single", unwritten="default")
ROCKPOOL = NirOptions(producer="rockpool", dt=1e-3, spikes="single", unwritten="default")
OPTIONS = {
    "snntorch_subtract": replace(LEAKY, reset="soft"),
    "snntorch_zero": replace(LEAKY, reset="hard"),
    "snntorch_recurrent": replace(LEAKY, reset="hard"),
    "snntorch_none": replace(LEAKY, reset="none"),
    "snntorch_old": replace(LEAKY, reset="soft"),
    "spikingjelly": NirOptions(producer="spikingjelly", dt=1e-3),
    "spikingjelly_parametric": NirOptions(producer="spikingjelly", dt=1e-4),
    "norse": NORSE,
    "norse_unscaled": replace(NORSE, tau_scale=1.0),
    "sinabs": SINABS,
    "sinabs_hard": replace(SINABS, reset="hard"),
    "sinabs_multi": replace(SINABS, spikes="multi"),
    "sinabs_old": replace(SINABS, spikes="multi"),
    "rockpool": ROCKPOOL,
    "rockpool_multi": replace(ROCKPOOL, spikes="multi"),
    "rockpool_old": replace(ROCKPOOL, spikes="multi"),
}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in (
    "snntorch_subtract", "snntorch_zero", "snntorch_recurrent", "spikingjelly", "rockpool")]


def unpack(name: str, folder: Path) -> Path:
    path = folder / f"{name}.nir"
    path.write_bytes(gzip.decompress((HERE / f"{name}.nir.gz").read_bytes()))
    return path


def golden(name: str) -> dict[str, np.ndarray]:
    """Spikes, or potentials of integrators, [ticks, samples, ...] of each neuron node."""
    return {key.partition("/")[2]: GOLDEN[key] for key in GOLDEN.files
            if key.startswith(f"{name}/") and not key.endswith("/x")}


def spikes_of(network: NirNetwork, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Spikes [ticks, samples, ...] of each neuron node of an imported model."""
    outputs: dict[str, list[torch.Tensor]] = {}
    for module in network.model.modules():
        if isinstance(module, NirNeuron):
            name = module.neuron.path
            module.register_forward_hook(
                lambda _, __, out, name=name: outputs.setdefault(name, []).append(out))
    with torch.no_grad():
        network.model.eval()(x)
    return {name: torch.cat(parts).numpy() for name, parts in outputs.items()}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_producers_spikes(name: str, tmp_path: Path) -> None:
    network = read_network(unpack(name, tmp_path), OPTIONS[name])
    spikes_by_name = spikes_of(network, torch.from_numpy(GOLDEN[f"{name}/x"]).float())
    expected = golden(name)
    assert spikes_by_name.keys() == expected.keys()
    for neuron, spikes in expected.items():
        assert spikes.any(axis=(0, 1)).mean() >= 0.5  # of the neurons
        if spikes.dtype == np.uint8:
            assert np.array_equal(spikes_by_name[neuron], spikes)
        else:  # a potential: sums of weights in another order
            assert np.allclose(spikes_by_name[neuron], spikes, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), [
    ("snntorch_subtract", replace(LEAKY, reset="hard")),
    ("snntorch_zero", replace(LEAKY, reset="soft")),
    ("snntorch_none", replace(LEAKY, reset="soft")),
    ("norse", replace(NORSE, dt=2e-3)),
    ("norse", replace(NORSE, tau_scale=5e-4)),
    ("norse_unscaled", NORSE),
    ("sinabs", replace(SINABS, reset="hard")),
    ("sinabs_multi", SINABS),
    ("sinabs_multi", replace(SINABS, spikes="multi", reset="hard")),
    ("rockpool", replace(ROCKPOOL, spikes="multi")),
    ("rockpool_multi", ROCKPOOL),
])
def test_another_answer_is_another_network(name: str, options: NirOptions, tmp_path: Path
                                           ) -> None:
    """So none may be guessed."""
    spikes = spikes_of(read_network(unpack(name, tmp_path), options),
                       torch.from_numpy(GOLDEN[f"{name}/x"]).float())
    assert any(not np.array_equal(spikes[key], value) for key, value in golden(name).items()
               if value.dtype == np.uint8)


def test_one_file_of_several_networks() -> None:
    """sinabs writes the same bytes for different spikes; only the user can know."""
    soft, hard = ((HERE / f"{name}.nir.gz").read_bytes() for name in ("sinabs", "sinabs_hard"))
    assert soft == hard
    assert not np.array_equal(GOLDEN["sinabs/1"], GOLDEN["sinabs_hard/1"])


@pytest.mark.parametrize("name", ["sinabs_multi", "rockpool_multi"])
def test_several_spikes_a_tick_are_read_and_refused_by_build(name: str, tmp_path: Path) -> None:
    path = unpack(name, tmp_path)
    sample = Sample(path, {"x": GOLDEN[f"{name}/x"].astype(np.float32).swapaxes(0, 1)})
    capture = load_model(replace(request_for(path, name), prove=False), sample)
    with pytest.raises(FindingsError, match="NC201"):
        lower(capture.graph)


def request_for(path: Path, name: str) -> Request:
    return Request(spec=str(path), options={
        f"nir_{key}": value for key, value in asdict(OPTIONS[name]).items()})


@pytest.mark.parametrize("name", ["norse", *SLOW])
def test_through_capture_and_lower(name: str, tmp_path: Path) -> None:
    path = unpack(name, tmp_path)
    sample = Sample(path, {"x": GOLDEN[f"{name}/x"].astype(np.float32).swapaxes(0, 1)})
    capture = load_model(request_for(path, name), sample)
    assert [d for d in check_graph(capture.graph, "tick", ()) if d.level] == []
    network, _ = lower(capture.graph)
    assert [readout.name for readout in network.readouts] == ["output"]
    run = synchronous.run(network, capture.fit(sample))
    for neuron, expected in golden(name).items():
        spikes = run.spikes[neuron]
        assert np.array_equal(spikes, expected.swapaxes(0, 1).reshape(spikes.shape))


def _questions(path: Path, options: NirOptions) -> list[str]:
    with pytest.raises(UsageError, match="NC116") as error:
        read_network(path, options)
    return [str(d.values["option"]).split()[0] for d in error.value.diagnostics]


QUESTIONS = {  # a file, and what is asked after its producer is known
    "snntorch_subtract": ["--nir-reset", "--nir-unwritten"],
    "snntorch_old": ["--nir-reset", "--nir-unwritten"],
    "spikingjelly": ["--nir-dt"],
    "norse": ["--nir-dt", "--nir-tau-scale", "--nir-reset", "--nir-unwritten"],
    "norse_unscaled": ["--nir-dt", "--nir-tau-scale", "--nir-reset", "--nir-unwritten"],
    "sinabs": ["--nir-reset", "--nir-spikes", "--nir-unwritten"],
    "sinabs_old": ["--nir-reset", "--nir-spikes", "--nir-unwritten"],
    "rockpool": ["--nir-dt", "--nir-spikes", "--nir-unwritten"],
    "rockpool_old": ["--nir-dt", "--nir-spikes", "--nir-unwritten"],
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_neither_file_nor_user_says_is_asked_for(name: str, tmp_path: Path) -> None:
    path = unpack(name, tmp_path)
    assert _questions(path, NirOptions()) == ["--nir-producer"]
    assert _questions(path, NirOptions(producer=OPTIONS[name].producer)) == QUESTIONS[name]
    for flag in QUESTIONS[name]:
        field = flag.removeprefix("--nir-").replace("-", "_")
        assert _questions(path, replace(OPTIONS[name], **{field: None})) == [flag]


def test_what_is_asked_of_files_by_the_book(tmp_path: Path) -> None:
    assert _questions(unpack("norse", tmp_path), NirOptions(producer="nir", dt=1e-3)) == [
        "--nir-reset", "--nir-discretization"]


def test_what_is_not_in_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"NC116.*norm_input.*tau_syn=None.*min_v_mem=None"):
        read_network(unpack("sinabs", tmp_path), replace(SINABS, unwritten=None))


@pytest.mark.parametrize(("options", "message"), [
    (replace(LEAKY, dt=1e-3, reset="hard"), "NC009.*writes with 0.0001"),
    (replace(LEAKY, spikes="multi", reset="hard"), "NC009.*writes with single"),
    (replace(LEAKY, tau_scale=1.0, reset="hard"), "NC009.*says nothing about a file of snntorch"),
    (replace(NORSE, discretization="exact"), "NC009.*says nothing about a file of norse"),
    (replace(NORSE, reset="none"), "NC009.*are reset"),
    (replace(ROCKPOOL, reset="hard"), "NC009.*writes with soft"),
    (NirOptions(producer="spikingjelly", dt=1e-3, reset="soft"), "NC009.*writes with hard"),
    (NirOptions(producer="nir", dt=float("nan"), reset="hard", discretization="euler"),
     "NC009.*positive"),
    (replace(LEAKY, reset="hard"), "NC111.*snnTorch writes no IF"),
    (NORSE, "NC111.*norse writes"),
    (SINABS, "NC111.*sinabs writes"),
    (ROCKPOOL, "NC111.*LIFTorch is read"),
    (NirOptions(producer="spikingjelly", dt=1e-4), "NC111.*SpikingJelly writes r = 10000"),
])
def test_a_file_of_another_producer_is_refused(options: NirOptions, message: str,
                                               tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read_network(unpack("spikingjelly", tmp_path), options)


@pytest.mark.parametrize(("name", "options", "message"), [
    ("norse", replace(NORSE, tau_scale=1.0), "NC111.*never come there"),
    ("norse", SINABS, "NC111.*would keep nothing"),
    ("rockpool", replace(ROCKPOOL, dt=2e-3), "NC111.*Rockpool writes r"),
    ("spikingjelly_parametric", NirOptions(producer="spikingjelly", dt=1e-3), "NC111.*above 1 tick"),
])
def test_answers_that_the_numbers_contradict(name: str, options: NirOptions, message: str,
                                             tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read_network(unpack(name, tmp_path), options)


def test_noise_needs_a_number_of_ticks(tmp_path: Path) -> None:
    path = unpack("sinabs", tmp_path)
    with pytest.raises(UsageError, match=r"NC007.*ticks"):
        load_model(request_for(path, "sinabs"))
    request = replace(request_for(path, "sinabs"), prove=False)
    capture: Capture = load_model(replace(request, input=InputSizes((5, 12), samples=1)))
    assert [axes.shape for axes in input_axes(capture.graph)] == [(5, 4, 12)]
    with pytest.raises(UsageError, match=r"NC009.*`5xNx13`.*30xNx12"):
        load_model(replace(request, input=InputSizes((5, 13), samples=1)))
    constant = load_model(replace(request, n_ticks=5))
    assert [axes.shape for axes in input_axes(constant.graph)] == [(4, 12)]


def test_a_sample_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = unpack("sinabs", tmp_path)
    sample = Sample(path, {"x": np.zeros((2, 6, 13), np.float32)})
    with pytest.raises(UsageError, match=r"NC008.*\(samples, ticks, 12\)"):
        load_model(request_for(path, "sinabs"), sample)


@pytest.mark.parametrize("beta", [0.9, 0.83, 0.5, 0.95, 0.99, 0.1, 2 / 3, 0.7234567])
def test_roundings_of_snntorch_are_undone(beta: float) -> None:
    retention = np.float32(beta)
    tau = 1e-4 / (1 - retention)
    assert isinstance(tau, np.float32)
    number = invert(lambda b: 1e-4 / (1 - b), 1 - 1e-4 / float(tau), np.asarray(tau))
    assert np.float32(number) == retention


@pytest.mark.parametrize(("tau", "dt"), [(2.0, 1e-4), (3.0, 1e-3), (1.7, 1e-4), (100 / 7, 0.003)])
def test_roundings_of_spikingjelly_are_undone(tau: float, dt: float) -> None:
    product = np.full(3, tau * dt)
    number = invert(lambda t: t * dt, product[0] / dt, product)
    assert number == tau or tau == 100 / 7  # a short decimal is found exactly
    assert number * dt == product[0]


def _lif_of_spikingjelly(tau: float, dt: float, r: float) -> Meaning:
    full = [np.full(2, value) for value in (tau * dt, r, 0.0, 1.0, 0.0)]
    return meaning(n.LIF(*full), "x", NirOptions(producer="spikingjelly", dt=dt, reset="hard"))


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 0.0025])
def test_parametric_lif_of_spikingjelly_is_told_by_its_tau(dt: float) -> None:
    """Its rate multiplies, a LIFNode's tau divides: other roundings, other spikes."""
    for w in torch.linspace(-4, 2, 61):
        rate = w.sigmoid().item()
        if 1 / rate != float(f"{1 / rate:.7g}"):
            for r in (1.0, 1 / rate):
                constants = _lif_of_spikingjelly(1 / rate, dt, r).constants
                assert "tau" not in constants
                assert constants["rate"] == rate
    for tau in (1.1, 1.6, 2.0, 2.7, 3.2, 6.4, 10.0, 17.3, 100.0, *np.arange(1.01, 5, 0.07).round(2)):
        constants = _lif_of_spikingjelly(float(tau), dt, 1.0).constants
        assert "rate" not in constants
        assert constants["tau"] == tau


@pytest.mark.parametrize("producer", ["snntorch", "spikingjelly", "norse", "sinabs", "rockpool"])
@pytest.mark.parametrize("kind", ["Threshold", "I", "CubaLI", "Delay"])
def test_nodes_that_a_producer_never_writes(producer: str, kind: str) -> None:
    options = OPTIONS["snntorch_zero" if producer == "snntorch" else producer]
    one = np.ones(1)
    node: Any = {"Threshold": n.Threshold(one), "I": n.I(one), "Delay": n.Delay(one),
                 "CubaLI": n.CubaLI(one, one, one, one)}[kind]
    read = ticks_of if kind == "Delay" else meaning
    with pytest.raises(UsageError, match="NC111"):
        read(node, "x", options)


PARAMETERS = [(name, node, field) for name, node, fields in (
    ("snntorch_none", "3", ("r", "w_in", "v_leak", "v_reset")),
    ("snntorch_none", "1", ("r", "v_leak", "v_reset")),
    ("spikingjelly", "_8", ("r", "w_in", "v_leak")), ("spikingjelly", "_4", ("r", "v_leak")),
    ("spikingjelly", "_1", ("r",)), ("norse", "3", ("r", "w_in")), ("norse", "1", ("r",)),
    ("sinabs", "1", ("r", "v_leak", "v_reset")), ("sinabs", "3", ("r", "v_reset")),
    ("rockpool", "1_LIFTorch", ("r", "w_in", "v_leak", "v_reset"))) for field in fields]


@pytest.mark.parametrize(("name", "node", "field"), PARAMETERS)
def test_no_parameter_is_overlooked(name: str, node: str, field: str, tmp_path: Path) -> None:
    """What a producer's export fixes must be so: a number that is read by nobody is refused."""
    neuron: Any = load_nir(unpack(name, tmp_path)).graph.nodes[node]
    options = complete(OPTIONS[name], "x", {"LIF"})
    assert meaning(neuron, node, options).constants
    value = getattr(neuron, field)
    other = replace(neuron, **{field: np.ones(1) if value is None else value * 1.5 + 0.25})
    with pytest.raises(UsageError, match="NC111"):
        meaning(other, node, options)


def test_beta_of_snntorch_is_clamped_as_it_is_used(tmp_path: Path) -> None:
    node: Any = load_nir(unpack("snntorch_none", tmp_path)).graph.nodes["1"]
    assert np.all(node.tau < 0)  # as dt / (1 - 1.25) is written
    options = complete(OPTIONS["snntorch_none"], "x", {"LIF"})
    assert meaning(node, "1", options).constants["beta"] == 1.0
