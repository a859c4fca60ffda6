"""Files that the frameworks wrote: read, they give the frameworks' own spikes.

`make_files.py` made the files and `golden.npz` with nir 1.0.8, snnTorch 1.0, SpikingJelly 2.0,
norse 1.1 and sinabs 3.1.3.
"""

from __future__ import annotations

import gzip
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neurocompile.backends import synchronous
from neurocompile.diagnostics import UsageError
from neurocompile.formats.load import load_model
from neurocompile.formats.nir.load import NirNetwork, read_network
from neurocompile.formats.nir.model import NirNeuron
from neurocompile.formats.nir.options import NirOptions
from neurocompile.formats.nir.producers import invert
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower

HERE = Path(__file__).parent
GOLDEN = np.load(HERE / "golden.npz")
OPTIONS = {
    "snntorch_subtract": NirOptions(producer="snntorch", reset="soft"),
    "snntorch_zero": NirOptions(producer="snntorch", reset="hard"),
    "snntorch_recurrent": NirOptions(producer="snntorch", reset="hard"),
    "spikingjelly": NirOptions(producer="spikingjelly", dt=1e-3),
    "norse": NirOptions(producer="norse", dt=1e-3, reset="hard"),
    "sinabs": NirOptions(producer="sinabs", reset="soft"),
}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in (
    "snntorch_subtract", "snntorch_zero", "snntorch_recurrent", "spikingjelly", "sinabs")]


def unpack(name: str, folder: Path) -> Path:
    path = folder / f"{name}.nir"
    path.write_bytes(gzip.decompress((HERE / f"{name}.nir.gz").read_bytes()))
    return path


def golden(name: str) -> dict[str, np.ndarray]:
    """Spikes [ticks, samples, ...] of each neuron node."""
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
        assert np.array_equal(spikes_by_name[neuron], spikes)


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


def test_what_neither_file_nor_user_says_is_asked_for(tmp_path: Path) -> None:
    path = unpack("norse", tmp_path)
    assert _questions(path, NirOptions()) == ["--nir-producer"]
    assert _questions(path, NirOptions(producer="norse")) == ["--nir-dt", "--nir-reset"]
    assert _questions(path, NirOptions(producer="spikingjelly")) == ["--nir-dt"]
    assert _questions(path, NirOptions(producer="snntorch")) == ["--nir-reset"]
    assert _questions(path, NirOptions(producer="nir", dt=1e-3)) == [
        "--nir-reset", "--nir-discretization"]


@pytest.mark.parametrize(("options", "message"), [
    (NirOptions(producer="snntorch", dt=1e-3, reset="hard"), "NC009.*writes with 0.0001"),
    (NirOptions(producer="spikingjelly", dt=1e-3, reset="soft"), "NC009.*hard resets only"),
    (NirOptions(producer="nir", dt=float("nan"), reset="hard", discretization="euler"), "NC009.*positive"),
    (NirOptions(producer="snntorch", reset="hard"), "NC111.*snnTorch writes no IF"),
    (NirOptions(producer="norse", dt=1e-3, reset="hard"), "NC111.*norse writes"),
    (NirOptions(producer="sinabs", reset="hard"), "NC111.*sinabs writes"),
    (NirOptions(producer="spikingjelly", dt=1e-4), "NC111.*SpikingJelly writes r = 1/dt"),
])
def test_a_file_of_another_producer_is_refused(options: NirOptions, message: str,
                                               tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read_network(unpack("spikingjelly", tmp_path), options)


def test_noise_needs_a_number_of_ticks(tmp_path: Path) -> None:
    path = unpack("sinabs", tmp_path)
    with pytest.raises(UsageError, match=r"NC007.*ticks"):
        load_model(request_for(path, "sinabs"))
    request = replace(request_for(path, "sinabs"), prove=False)
    capture: Capture = load_model(replace(request, input_ticks=5))
    assert capture.inputs() == {"input": (5, 4, 12)}
    constant = load_model(replace(request, n_ticks=5))
    assert constant.inputs() == {"input": (4, 12)}


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
