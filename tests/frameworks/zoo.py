"""SpikingJelly's own zoo, at sizes that capture in seconds, with weights under which it fires.

    python -m tests.frameworks.zoo NAME [MODEL ...]    one line of JSON a model, on standard output
    python -m tests.frameworks.zoo > docs/zoo_capture.md     the page, from all versions

VGG's two hidden classifier layers are 64 wide instead of 4096: nothing else about them is small.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from tests.frameworks.frameworks import use
from tests.paths import ROOT

VERSIONS = ("spikingjelly-2.0.0", "spikingjelly-0.0.0.0.14", "spikingjelly-0.0.0.0.12")
T = 3


@dataclass(frozen=True)
class Entry:
    """One network. `ticks`: it computes one tick per call and is run that many times."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    ticks: int | None = None
    settle: Callable[[nn.Module, torch.Tensor], None] | None = None  # run on the enlivened net
    bias: tuple[float, float] = (-0.25, 1.25)  # of BatchNorm: lower where a deep stream saturates


@dataclass(frozen=True)
class Result:
    """A row of the page."""

    name: str
    neurons: int  # neuron modules
    nodes: int  # of the captured graph; 0 where it was refused
    spikes: int  # of the framework's own run
    verdict: str  # "equal" or the code and text of the refusal
    seconds: float


def _narrow(net: nn.Module, linear: Any) -> nn.Module:
    """A VGG with a smaller classifier: its first layer alone would hold 400 MB."""
    classifier: Any = net.get_submodule("classifier")
    first, middle, last = [i for i, m in enumerate(classifier) if isinstance(m, nn.Linear)]
    classifier[first] = linear(classifier[first].in_features, 64)
    classifier[middle] = linear(64, 64)
    classifier[last] = linear(64, 10)
    return net


def enliven(net: nn.Module, bias: tuple[float, float], seed: int = 0) -> nn.Module:
    """Random weights under which every layer fires and rests; eval mode. Returns the net.
"""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, nn.modules.batchnorm._BatchNorm):
                m.weight.uniform_(1, 3, generator=draw)
                m.bias.uniform_(*bias, generator=draw)
                m.running_mean.zero_()
                m.running_var.fill_(0.05)
            elif isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d):
                fan = m.weight[0].numel()
                m.weight.normal_(0.0, fan ** -0.5, generator=draw)
                if m.bias is not None:
                    m.bias.uniform_(-0.25, 1.25, generator=draw)
    return net.eval()


def rare_queries(net: nn.Module, x: torch.Tensor) -> None:
    """QK attention sums a head's q spikes and compares with 1/2: spread them over the tokens.

    Sets the statistics of the BatchNorms before q and k to those of x, one block after the other.
    """
    norms = [m for path, m in net.named_modules() if path.endswith("qk_conv_bn.1")]
    for m in norms:
        norm: Any = m
        norm.weight.data.fill_(1.0)
        norm.bias.data.zero_()
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        net(x)
    net.eval()


def activation_based(version: str) -> Iterator[Entry]:
    """The models of `spikingjelly.activation_based.model`, in step mode m unless said."""
    package = "spikingjelly.activation_based."
    neuron, functional, layer, surrogate = (
        importlib.import_module(package + name)
        for name in ("neuron", "functional", "layer", "surrogate"))
    vgg, sew, resnet, plif_net = (
        importlib.import_module(f"{package}model.{name}")
        for name in ("spiking_vgg", "sew_resnet", "spiking_resnet", "parametric_lif_net"))
    image, lif = (T, 1, 3, 32, 32), {"spiking_neuron": neuron.LIFNode}
    plif = {"spiking_neuron": neuron.ParametricLIFNode, "surrogate_function": surrogate.ATan(),
            "detach_reset": True}

    def multi(net: nn.Module) -> nn.Module:
        functional.set_step_mode(net, "m")
        return net

    for name in ("vgg11", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"):
        def make_vgg(name: str = name) -> nn.Module:
            return multi(_narrow(getattr(vgg, f"spiking_{name}")(**lif), layer.Linear))
        yield Entry(f"spiking_{name}", make_vgg, image)
    for depth, g in (("18", "ADD"), ("18", "AND"), ("18", "IAND"), ("34", "ADD"), ("50", "ADD")):
        def make_sew(depth: str = depth, g: str = g) -> nn.Module:
            make = getattr(sew, f"sew_resnet{depth}")
            return multi(make(cnf=g, spiking_neuron=neuron.IFNode, num_classes=10))
        yield Entry(f"sew_resnet{depth} ({g})", make_sew, image)
    yield Entry("sew_resnet18 (ADD), step mode s", lambda: sew.sew_resnet18(
        cnf="ADD", spiking_neuron=neuron.IFNode, num_classes=10), image[1:], ticks=T)
    yield Entry("spiking_resnet18", lambda: multi(resnet.spiking_resnet18(
        num_classes=10, **lif)), image)
    yield Entry("spiking_resnet18, soft reset", lambda: multi(resnet.spiking_resnet18(
        num_classes=10, v_reset=None, decay_input=False, tau=1.7, **lif)), image)
    yield Entry("spiking_resnet34", lambda: multi(resnet.spiking_resnet34(
        num_classes=10, **lif)), image)
    yield Entry("MNISTNet", lambda: multi(plif_net.MNISTNet(16, **plif)), (T, 2, 1, 28, 28))
    yield Entry("CIFAR10Net", lambda: multi(plif_net.CIFAR10Net(32, **plif)), image)
    yield Entry("CIFAR10DVSNet", lambda: multi(plif_net.CIFAR10DVSNet(16, **plif)),
                (T, 1, 2, 128, 128))
    yield Entry("DVSGestureNet", lambda: multi(plif_net.DVSGestureNet(16, **plif)),
                (T, 1, 2, 128, 128))
    if version == "spikingjelly-2.0.0":
        yield from newer(package, neuron)


def newer(package: str, neuron: Any) -> Iterator[Entry]:
    """What 2.0.0 added: membrane-shortcut ResNets and transformers."""
    ms, spikformer, sdt, qk, maxformer, masnn = (
        importlib.import_module(f"{package}model.{name}")
        for name in ("ms_resnet", "spikformer", "spike_driven_transformer", "qkformer",
                     "maxformer", "masnn"))
    image = (1, 3, 32, 32)
    small = {"T": T, "num_classes": 10}
    yield Entry("ms_resnet18", lambda: ms.ms_resnet18(**small), image)
    yield Entry("ms_resnet34", lambda: ms.ms_resnet34(**small), image)
    yield Entry("max_resnet18", lambda: ms.max_resnet18(**small), image)
    yield Entry("spikformer_cifar10", lambda: spikformer.spikformer_cifar10(**small), image)
    yield Entry("spikformer_ti", lambda: spikformer.spikformer_ti(
        img_size_h=32, img_size_w=32, **small), image)
    yield Entry("SpikeDrivenTransformer 2-128", lambda: sdt.SpikeDrivenTransformer(
        embed_dims=128, depths=2, pooling_stat="0011", **small), image)
    yield Entry("sdt_8_384", lambda: sdt.sdt_8_384(**small), image,
                bias=(-0.75, 0.75))
    yield Entry("qkformer_10_384", lambda: qk.qkformer_10_384(**small), image,
                settle=rare_queries)
    yield Entry("QKFormer 4-128 (channel)", lambda: qk.QKFormer(
        embed_dims=128, num_heads=(2, 4, 8), depths=(1, 1, 2), qka_type="channel", **small), image)
    yield Entry("maxformer_cifar", lambda: maxformer.maxformer_cifar(**small), image)
    yield Entry("maxformer_10_384", lambda: maxformer.maxformer_10_384(**small), image)
    yield Entry("att_ms_resnet18", lambda: masnn.att_ms_resnet18(**small), image)


def clock_driven() -> Iterator[Entry]:
    """The models of `spikingjelly.clock_driven.model`: MultiStep classes, and one single-step."""
    package = "spikingjelly.clock_driven."
    neuron = importlib.import_module(package + "neuron")
    vgg, sew, resnet = (importlib.import_module(f"{package}model.{name}")
                        for name in ("spiking_vgg", "sew_resnet", "spiking_resnet"))
    image, lif = (1, 3, 32, 32), {"multi_step_neuron": neuron.MultiStepLIFNode}
    yield Entry("clock_driven multi_step_spiking_vgg11_bn", lambda: _narrow(
        vgg.multi_step_spiking_vgg11_bn(T=T, **lif), nn.Linear), image)
    yield Entry("clock_driven multi_step_sew_resnet18 (ADD)", lambda: sew.multi_step_sew_resnet18(
        T=T, cnf="ADD", multi_step_neuron=neuron.MultiStepIFNode, num_classes=10), image)
    yield Entry("clock_driven multi_step_sew_resnet34 (ADD)", lambda: sew.multi_step_sew_resnet34(
        T=T, cnf="ADD", multi_step_neuron=neuron.MultiStepParametricLIFNode, num_classes=10), image)
    yield Entry("clock_driven multi_step_spiking_resnet18",
                lambda: resnet.multi_step_spiking_resnet18(T=T, num_classes=10, **lif), image)
    yield Entry("clock_driven spiking_resnet18, one tick a call",
                lambda: resnet.spiking_resnet18(num_classes=10, single_step_neuron=neuron.LIFNode),
                image, ticks=T)


def entries(version: str) -> list[Entry]:
    """The zoo of a framework version; call `use(version)` first."""
    rows: list[Entry] = []
    if version != "spikingjelly-0.0.0.0.12":
        rows += activation_based(version)
    if version != "spikingjelly-2.0.0":
        rows += clock_driven()
    return rows


def activity(net: nn.Module, x: torch.Tensor, ticks: int | None) -> tuple[int, int]:
    """(neuron modules, spikes) of an eager run. Raises ValueError where one never fires or rests.

    A module counts as a neuron if it keeps a membrane `v` and runs.
    """
    rates_by_path: dict[str, list[float]] = {}
    hooks = []
    for path, m in net.named_modules():
        if "v" in getattr(m, "_memories", ()):
            def note(m: nn.Module, inputs: Any, out: torch.Tensor, path: str = path) -> None:
                rates_by_path.setdefault(path, []).append(float(out.sum()) / out.numel())
                total[0] += int(out.sum())
            hooks.append(m.register_forward_hook(note))
    total = [0]
    with torch.no_grad():
        for _ in range(ticks or 1):
            net(x)
    for hook in hooks:
        hook.remove()
    wrong = {path: rates for path, rates in rates_by_path.items() if not 0 < sum(rates) < len(rates)}
    if wrong:
        raise ValueError(f"silent or saturated: {wrong}")
    return len(rates_by_path), total[0]


def capture_entry(entry: Entry) -> Result:
    """Build, enliven, run, capture (which replays). A refusal is a verdict, other errors are not."""
    from neurocompile.capture.torch_model import capture, reset
    from neurocompile.diagnostics import FindingsError, UsageError

    start = time.monotonic()
    torch.manual_seed(0)
    net = enliven(entry.make(), entry.bias)
    x = torch.rand(entry.shape, generator=torch.Generator().manual_seed(1)) * 2
    if entry.settle is not None:
        entry.settle(net, x)
        reset(net)
    neurons, spikes = activity(net, x, entry.ticks)
    reset(net)
    nodes, verdict = 0, "equal"
    try:
        nodes = len(list(capture(net, x, entry.ticks).model.graph))
    except (FindingsError, UsageError) as error:
        verdict = str(error).splitlines()[0]
    return Result(name=entry.name, neurons=neurons, nodes=nodes, spikes=spikes, verdict=verdict,
                  seconds=time.monotonic() - start)


def run(version: str, names: list[str]) -> None:
    """Writes a line of JSON for each entry (all without names)."""
    use(version)
    torch.set_num_threads(1)
    for entry in entries(version):
        if not names or entry.name in names:
            sys.stdout.write(json.dumps(asdict(capture_entry(entry))) + "\n")
            sys.stdout.flush()


def results(version: str) -> list[Result]:
    """All entries of a version, from a process of its own. Raises CalledProcessError."""
    process = subprocess.run([sys.executable, "-m", "tests.frameworks.zoo", version], check=True,
                          capture_output=True, text=True, cwd=ROOT)
    lines = [line for line in process.stdout.splitlines() if line.startswith('{"name"')]
    return [Result(**json.loads(line)) for line in lines]


HEADER = """# SpikingJelly's zoo: capture and replay

Written by `python -m tests.frameworks.zoo > docs/zoo_capture.md`; the marked suite (`pytest -m
frameworks`) runs it again and compares. Each network of the framework's own `model` package is built
by its own factory, given random weights under which every neuron module fires and rests (checked on
the framework's own run), captured, and replayed: *equal* means that the model, the model with
stand-in neurons and the captured program gave the same numbers, bit for bit, in two consecutive
calls. {ticks} ticks, images of 32x32 pixels (128x128 for the event-camera networks), batch size 1 or 2;
the classifiers of VGG are 64 wide. *neurons*: neuron modules; *nodes*: of the captured graph;
*spikes*: of one run.
"""


def row(result: Result) -> str:
    """A line of the page."""
    return (f"| {result.name} | {result.neurons} | {result.nodes} | {result.spikes} "
            f"| {result.verdict} |")


def page() -> str:
    """The whole page."""
    parts = [HEADER.format(ticks=T)]
    for version in VERSIONS:
        rows = [row(result) for result in results(version)]
        parts.append("\n".join([f"## {version.replace('-', ' ')}", "",
                                "| model | neurons | nodes | spikes | verdict |",
                                "|---|---|---|---|---|", *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.stdout.write(page())
    else:
        run(sys.argv[1], sys.argv[2:])
