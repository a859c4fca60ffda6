"""CPU time and peak memory of capturing large networks, each in its own process.

Run: python -m benchmarks.capture [NAME ...]
Bars: at most 60 s of CPU time and 4 GB each, replay included; of networks in loops see `LOOPS`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

SECONDS, GIGABYTES = 60.0, 4.0
LOOPS = {  # at most so many seconds and GB; the first is only checked, so not replayed
    "ms-resnet-104-loops": (25.0, 1.2), "snntorch-loop-128": (4.0, 1.2)}


def loop(ticks: int = 100) -> tuple[object, tuple[int, ...]]:
    """snnTorch: two convolutions and a linear layer in a Python loop over ticks."""
    import snntorch
    import torch
    from torch import nn

    class ConvLoop(nn.Module):
        """Explicit state, output spikes stacked."""

        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.lif1 = nn.Conv2d(1, 12, 5), snntorch.Leaky(beta=0.9, threshold=0.2)
            self.conv2, self.lif2 = nn.Conv2d(12, 64, 5), snntorch.Leaky(beta=0.9, threshold=0.2)
            self.pool = nn.AvgPool2d(2)
            self.fc, self.lif3 = nn.Linear(64 * 4 * 4, 10), snntorch.Leaky(beta=0.9, threshold=0.2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            mem1, mem2, mem3 = (lif.init_leaky() for lif in (self.lif1, self.lif2, self.lif3))
            spikes = []
            for _ in range(ticks):
                s, mem1 = self.lif1(self.pool(self.conv1(x)), mem1)
                s, mem2 = self.lif2(self.pool(self.conv2(s)), mem2)
                s, mem3 = self.lif3(self.fc(s.flatten(1)), mem3)
                spikes.append(s)
            return torch.stack(spikes).sum(0)

    return ConvLoop(), (1, 1, 28, 28)


def stmixer_t1() -> tuple[object, tuple[int, ...]]:
    """STMixer-4-384-16 for CIFAR, one tick."""
    from examples.zoo import stmixer

    return stmixer.cifar100(4, 384, 16), (1, 3, 32, 32)


def stmixer_t4() -> tuple[object, tuple[int, ...]]:
    """The same over four ticks."""
    from examples.zoo import stmixer

    return stmixer.cifar100(4, 384, 16, T=4), (1, 3, 32, 32)


def spikformer() -> tuple[object, tuple[int, ...]]:
    """Spikformer-8-512 for ImageNet, four ticks."""
    from examples.zoo import spikformer

    return spikformer.imagenet_8_512(), (1, 3, 224, 224)


def ms_resnet() -> tuple[object, tuple[int, ...]]:
    """104 layers, written by hand, six ticks."""
    from benchmarks.loop_nets import MsResNet

    return MsResNet(), (1, 3, 32, 32)


def leaky_loop() -> tuple[object, tuple[int, ...]]:
    """Two layers of snnTorch over 128 ticks."""
    from benchmarks.loop_nets import LeakyLoop

    return LeakyLoop(), (4, 100)


CASES: dict[str, Callable[[], tuple[object, tuple[int, ...]]]] = {
    "snntorch-loop-100": loop, "stmixer-4-384-t1": stmixer_t1, "stmixer-4-384-t4": stmixer_t4,
    "spikformer-8-512": spikformer, "ms-resnet-104-loops": ms_resnet,
    "snntorch-loop-128": leaky_loop,
}


def measure(name: str) -> None:
    """Capture one network in this process and print what it took."""
    import torch
    from torch import nn

    from neurocompile.capture.torch_model import capture

    torch.manual_seed(0)
    model, shape = CASES[name]()
    if not isinstance(model, nn.Module):
        raise TypeError(name)
    for module in model.modules():  # so that every layer fires
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 1.0, 3.0)
            nn.init.uniform_(module.bias, -0.25, 1.25)
            module.running_var.fill_(0.05)
    before, began = time.process_time(), time.perf_counter()
    graph = capture(model, torch.rand(shape) * 4, prove=name != "ms-resnet-104-loops")
    cpu, wall = time.process_time() - before, time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    spikes = (graph.info["replay"] or {"spikes": {}})["spikes"]
    silent = sum(1 for count in spikes.values() if not count)
    nodes = sum(1 for _ in graph.nodes())
    seconds, gigabytes = LOOPS.get(name, (SECONDS, GIGABYTES))
    verdict = "ok" if cpu <= seconds and peak <= gigabytes else "over the bar"
    print(f"{name:20} {cpu:6.1f} s CPU {wall:6.1f} s wall {peak:5.2f} GB {nodes:6,} nodes "
          f"{len(spikes):3} layers, {silent} silent: {verdict}", flush=True)


def main() -> None:
    """Print one line per network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--here", action="store_true", help="measure in this process")
    options = parser.parse_args()
    for name in options.names or CASES:
        if options.here:
            measure(name)
        else:
            subprocess.run([sys.executable, "-m", "benchmarks.capture", "--here", name], check=True)


if __name__ == "__main__":
    main()
