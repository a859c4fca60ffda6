"""Whole networks, written as .nir and read back: the same spikes."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from examples.zoo.table import shift_norms
from neurocompile.backends import synchronous
from neurocompile.capture.torch_model import capture
from neurocompile.formats.load import load_model
from neurocompile.formats.nir.export import export_nir
from neurocompile.formats.request import Request
from neurocompile.formats.samples import Sample
from neurocompile.passes.lowering.lower import lower
from tests.paths import EXAMPLES


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "entry"), [
    ("fc.pt", "fc_net:make"), ("model.pt", "conv_net:make")])
def test_examples(weights: str, entry: str, tmp_path: Path) -> None:
    folder = EXAMPLES / "mnist"
    with np.load(folder / "samples.npz") as file:
        sample = Sample(folder / "samples.npz", {"x": file["x"].astype(np.float32)})
    model = load_model(Request(spec=str(folder / weights), arch=entry, folders=(folder,)), sample)
    network, _ = lower(model.graph)
    (tmp_path / "x.nir").write_bytes(export_nir(network).data)
    again = load_model(Request(spec=str(tmp_path / "x.nir")), sample)
    read, _ = lower(again.graph)
    before = synchronous.run(network, model.fit(sample))
    after = synchronous.run(read, again.fit(sample))
    for name, spikes in before.spikes.items():
        assert spikes.mean() > 0.02
        assert np.array_equal(after.spikes[name], spikes)


ZOO = ["ms_resnet:small_identity", "smixer:small", "smixer:small_dstsp_static",
       "smixer:small_sdt_v3", "stmixer:small", "stmixer:small_t2", "vgg:small_average",
       "vgg:small_strided"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_legal_architectures(name: str, tmp_path: Path) -> None:
    file, factory = name.split(":")
    module = importlib.import_module(f"examples.zoo.{file}")
    torch.manual_seed(0)
    model = shift_norms(getattr(module, factory)()).eval()
    x = torch.rand(2, *module.INPUT)
    network, _ = lower(capture(model, x))
    (tmp_path / "x.nir").write_bytes(export_nir(network).data)
    sample = Sample(tmp_path / "x.nir", {"x": x.numpy()})
    again = load_model(Request(spec=str(tmp_path / "x.nir")), sample)
    after = synchronous.run(lower(again.graph)[0], again.fit(sample))
    before = synchronous.run(network, {network.inputs[0].name: x.numpy()})
    assert sum(int(spikes.sum()) for spikes in before.spikes.values()) > 1000
    for population, spikes in before.spikes.items():
        assert np.array_equal(after.spikes[population], spikes), population
