"""STMixer, SMixer, ResNets and VGG of the zoo: sizes, verdicts at the right lines, lowering."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("spikingjelly.activation_based.neuron")
from examples.zoo import energy, ms_resnet, sew_resnet, stmixer, vgg
from examples.zoo.common import on_meta, parameters
from examples.zoo.table import place_of
from neurocompile.backends.synchronous import run
from neurocompile.capture.torch_model import capture, reset
from neurocompile.diagnostics import Diagnostic, Severity, UsageError
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import InputKind
from neurocompile.nn import TokenMixer
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower
from tests.capture import nets
from tests.passes.lowering.test_lower import model_spikes

BATCH = 2
ARCHITECTURES = ("stmixer", "smixer", "sew_resnet", "ms_resnet", "vgg")
MARK = re.compile(r"# ((?:NC\d{3} )*NC\d{3})(?: \((\w+)\))?$")

PARAMETERS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "STMixer-4-384-16": (lambda: stmixer.cifar100(4, 384, 16), 8_258_324),
    "STMixer-4-384-32": (lambda: stmixer.cifar100(4, 384, 32), 8_520_468),
    "STMixer-10-384-16": (stmixer.cifar100, 17_531_156),
    "STMixer-8-512-8": (lambda: stmixer.imagenet(8, 512, 8), 27_666_984),
    "STMixer-8-768-8": (lambda: stmixer.imagenet(8, 768, 8), 58_708_808),
    "STMixer-8-768-16": (lambda: stmixer.imagenet(8, 768, 16), 61_167_432),
    "STMixer-8-768-32": (stmixer.imagenet, 66_084_680),
    "STMixer-2-256-16 DVS 128": (stmixer.dvs, 2_373_130),
    "STMixer-2-256-16 DVS 64": (lambda: stmixer.dvs(64), 2_250_250),
    "SEW-ResNet-18": (sew_resnet.resnet18, 11_689_512),
    "SEW-ResNet-34": (sew_resnet.resnet34, 21_797_672),
    "SEW-ResNet-50": (sew_resnet.resnet50, 25_557_032),
    "MS-ResNet-18": (ms_resnet.resnet18, 11_693_736),
    "MS-ResNet-34": (ms_resnet.resnet34, 21_801_896),
    "VGG-11": (vgg.vgg11, 132_868_840),
    "VGG-16": (vgg.vgg16, 138_365_992),
}


def load(name: str) -> ModuleType:
    return importlib.import_module(f"examples.zoo.{name}")


def small_ones() -> list[tuple[str, str]]:
    """(architecture, factory) for each small network; `small_x` has `EXPECTED_X`."""
    return [(name, factory) for name in ARCHITECTURES
            for factory in vars(load(name)) if factory.startswith("small")]


def expected(name: str, factory: str) -> dict[str, int]:
    counts: dict[str, int] = getattr(load(name), "EXPECTED" + factory.removeprefix("small").upper())
    return counts


def lively(model: nn.Module) -> nn.Module:
    """As for all lowering tests, with stronger weights where no BatchNorm follows."""
    model = nets.lively(model)
    with torch.no_grad():
        for path, module in model.named_modules():
            if isinstance(module, TokenMixer):
                module.weight.mul_(8).abs_()
            elif isinstance(model, vgg.VGG) and path in ("fc1", "fc2"):
                module.weight.mul_(16)
    return model


@cache
def small(name: str, factory: str) -> tuple[nn.Module, torch.Tensor]:
    """A lively small network and images."""
    torch.manual_seed(0)
    return lively(getattr(load(name), factory)()), nets.image(BATCH, *load(name).INPUT)


@cache
def model_graph(name: str, factory: str) -> Graph:
    return capture(*small(name, factory))


def findings(name: str, factory: str) -> list[Diagnostic]:
    try:
        return [d for d in check_graph(model_graph(name, factory)) if d.level > Severity.NOTE]
    except UsageError as error:
        return list(error.diagnostics)


def marks(name: str, factory: str) -> set[tuple[str, int]]:
    """Lines that end in codes: `# NC122`, or for one factory alone `# NC121 NC129 (small_and)`."""
    lines = Path(load(name).__file__ or "").read_text().splitlines()
    codes = set()
    for number, text in enumerate(lines, 1):
        match = MARK.search(text)
        if match and match[2] in (None, factory):
            codes |= {(code, number) for code in match[1].split()}
    return codes


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_counts_are_the_published_ones(name: str) -> None:
    make, count = PARAMETERS[name]
    assert parameters(on_meta(make)) == count


@pytest.mark.parametrize(("name", "factory"), small_ones())
def test_verdict(name: str, factory: str) -> None:
    diagnostics = findings(name, factory)
    assert Counter(d.code for d in diagnostics) == expected(name, factory)
    places = {(d.code, place_of(d.where)) for d in diagnostics} - {(d.code, None) for d in diagnostics}
    assert places == {(code, (f"{name}.py", line)) for code, line in marks(name, factory)}


@pytest.mark.parametrize(("name", "factory"), [
    ("stmixer", "small"),
    ("stmixer", "small_t2"),
    ("smixer", "small"),
    ("smixer", "small_dstsp_static"),
    ("smixer", "small_sdt_v3"),
    ("ms_resnet", "small_identity"),
    ("vgg", "small_average"),
    ("vgg", "small_strided"),
])
def test_float_network_spikes_like_the_model(name: str, factory: str) -> None:
    assert_same_spikes(*small(name, factory), model_graph(name, factory))


def assert_same_spikes(model: nn.Module, x: torch.Tensor, graph: Graph) -> None:
    """Every layer fires, and the lowered graph's spikes and outputs are the model's."""
    spikes = model_spikes(model, x)
    assert [path for path, array in spikes.items() if not array.any() or array.all()] == []
    reset(model)
    with torch.no_grad():
        outputs = model(x).numpy()
    reset(model)
    network, _ = lower(graph)
    item = next(i for i in network.inputs if i.kind is not InputKind.ONE)
    result = run(network, {item.name: x.numpy()})
    assert result.spikes.keys() == spikes.keys()
    for path, array in spikes.items():
        assert np.array_equal(array.reshape(result.spikes[path].shape), result.spikes[path]), path
    readout, = network.readouts
    assert np.abs(readout.values(result.counts()) - outputs).max() < 1e-4


@pytest.mark.parametrize("ticks", [1, 3])
def test_stmixer_neuron_is_the_published_one(ticks: int) -> None:
    x = torch.randint(-8, 24, (ticks, 500)) / 8
    v, spikes = torch.zeros(500), []
    for now in x:
        v = now if ticks == 1 else 0.5 * v + now
        spikes.append((v - 1 >= 0).float())
        v = v * (1 - spikes[-1])
    outputs = stmixer.spiking(ticks)(x)
    assert outputs.any()
    assert torch.equal(outputs, torch.stack(spikes))


def test_ms_resnet_neuron_is_the_published_one() -> None:
    x = torch.randint(-4, 9, (4, 500)) / 8
    v, spikes = torch.zeros(500), []
    for now in x:
        v = 0.25 * v + now
        spikes.append((v > 0.5).float())
        v = v * (1 - spikes[-1])
    outputs = ms_resnet.spiking()(x)
    assert (x[0] == 0.5).any()
    assert torch.equal(outputs, torch.stack(spikes))


def test_surrogate_heads_are_for_training_only() -> None:
    model = stmixer.STMixer(2, 32, 4, 5, 16, downsample=2, ratio=2, sml=True)
    x = torch.rand(BATCH, *stmixer.INPUT)
    outputs = model(x)
    assert [tuple(o.shape) for o in outputs] == [(BATCH, 5)] * 3
    loss = stmixer.sml_loss(outputs, torch.tensor([0, 3]))
    loss.backward()
    with_gradient = [path for path, p in model.named_parameters() if p.grad is not None]
    assert any(path.startswith("sml.1") for path in with_gradient)
    reset(model)
    assert model.eval()(x).shape == (BATCH, 5)


@pytest.mark.parametrize(("width", "sops", "millijoules"), [
    (384, 3.88e9, 4.69), (512, 6.52e9, 7.46), (768, 12.54e9, 13.68)])
def test_energy_of_spikingformer(width: int, sops: float, millijoules: float) -> None:
    macs = energy.conv_macs(3, width // 8, 3, 224, n_ticks=4)
    assert round(energy.arithmetic_energy(macs, sops), 2) == millijoules


@pytest.mark.parametrize(("width", "sops", "millijoules", "right"), [
    (384, 6.82e9, 7.734, 7.33), (512, 11.09e9, 11.577, 11.58), (768, 22.09e9, 21.477, 22.27)])
def test_energy_of_spikformer_counts_the_512_wide_stem(width: int, sops: float, millijoules: float,
                                                       right: float) -> None:
    """The published table has one constant for the first convolution, whatever the width."""
    def total(d: int) -> float:
        return energy.arithmetic_energy(energy.conv_macs(3, d // 8, 3, 224, n_ticks=4), sops)
    assert total(512) == pytest.approx(millijoules, abs=2e-3)
    assert round(total(width), 2) == right


def test_synaptic_operations() -> None:
    """STMixer-8-768 at 4.45 mJ: both analog convolutions as MAC leave 4.2 G SOPs, rate 25 %."""
    analog = energy.conv_macs(3, 96, 3, 224) + energy.conv_macs(3, 96, 16, 14)
    sops = energy.synaptic_operations(0.2523, 1, 16.783e9 - analog)
    assert energy.arithmetic_energy(analog, sops) == pytest.approx(4.45, abs=0.01)
