"""The table of Lava runs: `python -m tests.zoo.on_lava > docs/lava_runs.md`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from examples.zoo import ms_resnet, sew_resnet, stmixer
from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.backends.results import Verification
from neurocompile.capture.torch_model import capture
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.pipeline import inputs_from
from neurocompile.options import Options
from neurocompile.target.loihi import LoihiTarget
from tests.capture import nets
from tests.loihi import compile_for_loihi, loihi_target
from tests.properties.timed_nets import delays_up_to
from tests.zoo import lava_nets
from tests.zoo.lava_nets import IMAGE, active

SAMPLES = 5
SEED = 3
COLUMNS = ("network", "options", "ticks", "latency", "populations", "neurons", "synapses", "cores",
           "spikes", "differences")
HEADER = f"""\
# Networks on Lava

Written by `python -m tests.zoo.on_lava > docs/lava_runs.md`; tests run every row and compare.

Each row is an untrained PyTorch network (`tests/zoo/lava_nets.py`, `tests/capture/nets.py`,
`examples/zoo`) that went all the way to a Lava program for loihi2, which ran {SAMPLES} samples, one
right behind the other. *ticks*: of a sample; *latency*: ticks by which the deepest population lags
the input; *populations*: relays, adders, gates and those on the host count; *spikes*: of all
populations on chip over all samples, graded ones of adders too, at least one in each;
*differences*: neuron-ticks in which what Lava sends is not what the reference sends.
"""


DEFAULT = Options()


@dataclass(frozen=True)
class Case:
    """A network, what is fed into it, and how it is compiled."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = (10,)  # of a static input; further inputs come from `more`
    options: Options = DEFAULT
    more: tuple[Callable[[], torch.Tensor], ...] = ()
    delays: int | None = None  # the longest of the target's synapses, where not loihi2's own
    slow: bool = False
    prepare: Callable[[nn.Module], nn.Module] = active

    @property
    def named_options(self) -> str:
        """What is not as by default, as on the command line."""
        words = [f"--allow {name}" for name in self.options.allow]
        words += [f"--{name} {value}" for name in ("encoder", "streams")
                  if (value := getattr(self.options, name)) != "auto"]
        return " ".join(words if self.delays is None else [*words, f"delays up to {self.delays}"])

    @property
    def target(self) -> LoihiTarget:
        """loihi2, perhaps with shorter delays."""
        return loihi_target("loihi2") if self.delays is None else delays_up_to(self.delays)


def exact(make: Callable[[], nn.Module], shape: tuple[int, ...] = (10,),
          encoder: str = "auto") -> Case:
    """A network of `nets`, whose float sums are exact in any order."""
    return Case(make, shape, Options(encoder=encoder), prepare=nets.lively)


def frames() -> torch.Tensor:
    """Random spikes [B, T, 10]."""
    return torch.randint(0, 2, (SAMPLES, 4, 10)).float()


RESIDUAL, OR, AND = "residual-distribution", "or-pool", "coincidence-gates"
CASES: dict[str, Case] = {
    "STMixer, T = 1": Case(stmixer.small, IMAGE, slow=True, prepare=lava_nets.lively),
    "STMixer, T = 4": Case(lambda: stmixer.small(4), IMAGE, slow=True, prepare=lava_nets.lively),
    "STMixer, T = 4, without adders": Case(
        lambda: stmixer.small(4), IMAGE, Options(streams="duplicate"), slow=True,
        prepare=lava_nets.lively),
    "Spikingformer with token mixing": Case(lava_nets.spikingformer_mixing, IMAGE, slow=True,
                                            prepare=lava_nets.lively),
    "MS-ResNet, identity shortcuts": Case(ms_resnet.small_identity, IMAGE, slow=True),
    "MS-ResNet-18, projection shortcuts": Case(lava_nets.ms_resnet18, IMAGE,
                                               Options(allow=(RESIDUAL,)), slow=True),
    "MS-ResNet-18, without adders": Case(
        lava_nets.ms_resnet18, IMAGE, Options(allow=(RESIDUAL,), streams="duplicate"), slow=True),
    "SEW-ResNet, ADD": Case(sew_resnet.small, IMAGE, Options(allow=(RESIDUAL, OR)), slow=True),
    "SEW-ResNet, IAND": Case(sew_resnet.small_iand, IMAGE, Options(allow=(OR, AND)), slow=True),
    "VGG, average pooling": Case(lambda: lava_nets.vgg_of("average"), IMAGE, slow=True),
    "VGG, max-pooling": Case(lambda: lava_nets.vgg_of("max"), IMAGE, Options(allow=(OR,)),
                             slow=True),
    "skips of one and five layers, IF": Case(lava_nets.Skips, (2, 6, 6), slow=True),
    "the same by relays": Case(lava_nets.Skips, (2, 6, 6), delays=1),
    "two inputs, two outputs": Case(lava_nets.TwoInTwoOut, (2, 6, 6), more=(frames,)),
    "depthwise and grouped convolution, ParametricLIF": Case(lava_nets.Groups, (2, 10, 10)),
    "recurrent snnTorch RLeaky": Case(lava_nets.RecurrentLeaky, slow=True),
    "recurrent snnTorch Leaky, by hand": exact(nets.Recurrent),
    "soft reset, snnTorch Leaky": exact(nets.LeakyLoop),
    "soft reset, SpikingJelly IF": exact(
        lambda: nets.MultiStep(neuron.IFNode, v_reset=None), (2, 8, 8)),
    "CUBA, snnTorch Synaptic": exact(nets.SynapticLoop),
    "convolution, input as bias": exact(nets.MultiStep, (2, 8, 8), "bias"),
    "convolution, graded input": exact(nets.MultiStep, (2, 8, 8), "graded"),
    "convolution, input on the host": exact(nets.MultiStep, (2, 8, 8), "host"),
}


def compilation(case: Case) -> tuple[LoihiCompilation, list[np.ndarray]]:
    """The network compiled for loihi2, and its inputs."""
    torch.manual_seed(SEED)
    model = case.prepare(case.make())
    xs = [nets.image(SAMPLES, *case.shape), *(more() for more in case.more)]
    return compile_for_loihi(capture(model, xs), case.target, case.options), [
        x.numpy() for x in xs]


def run(case: Case) -> tuple[LoihiCompilation, Verification]:
    """The case on Lava, states of the reference recorded for the message on a difference."""
    network_compilation, arrays = compilation(case)
    network, schedule = network_compilation.network, network_compilation.schedule
    inputs = inputs_from(network, arrays)
    reference = synchronous.run(network, inputs, record_state=True)
    with tempfile.TemporaryDirectory(prefix="neurocompile-") as folder:
        emit(network, schedule, network_compilation.target, Path(folder))
        return network_compilation, verify(Path(folder), network, schedule, inputs, reference)


def structure(name: str, result: LoihiCompilation) -> list[str]:
    """The columns that need no run: all but the last two."""
    network = result.network
    numbers = (network.n_ticks, result.schedule.latency, len(network.populations),
               sum(p.size for p in network.populations),
               sum(p.operator.n_synapses for p in network.projections), len(result.usage.cores))
    return [name, CASES[name].named_options or "-", *(f"{n:,}" for n in numbers)]


def line(cells: list[str]) -> str:
    """A row of the table."""
    return "| " + " | ".join(cells) + " |"


def row(name: str) -> str:
    """The row of a case, which runs it. Raises ValueError where a population is silent."""
    result, verification = run(CASES[name])
    silent = [p.name for p in verification.populations if not p.spikes]
    if silent:
        raise ValueError(f"{name}: no spike in {', '.join(silent)}")
    return line([*structure(name, result), f"{verification.spikes:,}",
                 f"{verification.differences:,}"])


def page() -> Iterator[str]:
    """The page, line by line."""
    yield from HEADER.splitlines()
    yield ""
    yield line(list(COLUMNS))
    yield "|---" * len(COLUMNS) + "|"
    yield from map(row, CASES)


if __name__ == "__main__":
    for text in page():
        sys.stdout.write(text + "\n")
