"""The MNIST networks for TrueNorth on all 10,000 test images: float, integers, and the chip.

Run: python -m benchmarks.truenorth_accuracy [NAME ...] [--images N] [--engine numba], a NAME from
`examples/mnist_truenorth/neurocompile.toml`. Every spike of every population in the simulator is
compared with the integer reference's; seconds are of the process, for the simulator alone.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from examples.mnist import data
from examples.mnist_truenorth import ternary_nets
from neurocompile.backends import synchronous
from neurocompile.backends.truenorth.simulate import simulate
from neurocompile.backends.truenorth.verify import host_spikes
from neurocompile.capture.factory import make_model
from neurocompile.capture.torch_model import capture, reset
from neurocompile.config import ModelEntry, load_config
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.targets import load_target
from neurocompile.families.truenorth.compilation import TrueNorthCompilation

EXAMPLES = Path(__file__).parents[1] / "examples"
FOLDER = EXAMPLES / "mnist_truenorth"
BATCH = 250


class Result:
    """Right answers and spikes, added up over batches."""

    def __init__(self) -> None:
        self.right = Counter[str]()
        self.spikes = Counter[str]()
        self.differing = Counter[str]()
        self.seconds = 0.0
        self.events = 0


def batches(images: torch.Tensor, labels: np.ndarray, ticks: int
            ) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
    """Frames [ticks, batch, 1, 28, 28] and labels."""
    for start in range(0, len(images), BATCH):
        yield ternary_nets.frames(images[start:start + BATCH], ticks), labels[start:start + BATCH]


def measure(entry: ModelEntry, images: torch.Tensor, labels: np.ndarray,
             engine: str) -> tuple[TrueNorthCompilation, Result]:
    """A network compiled, and what it does on the images."""
    model, _ = make_model(entry.entry, entry.args, [entry.weights.parent])
    model.load_state_dict(torch.load(entry.weights, weights_only=True))
    model.eval()
    ticks, result = entry.input.ticks, Result()
    example = next(batches(images, labels, ticks))[0][:, :8]
    compilation = compile_graph(capture(model, example), load_target("truenorth"))
    network, cores = compilation.network, compilation.cores
    readout = network.readouts[0]
    for frames, targets in batches(images, labels, ticks):
        reset(model)
        with torch.no_grad():
            result.right["float"] += int((model(frames).argmax(1).numpy() == targets).sum())
        inputs = {network.inputs[0].name: frames.movedim(1, 0).numpy()}
        reference = synchronous.run(network, inputs)
        axon_spikes = host_spikes(network, cores, inputs, reference.spikes)
        start = time.process_time()
        simulation = simulate(cores, axon_spikes, engine=engine)
        result.seconds += time.process_time() - start
        result.events += int(simulation.activity.synaptic_events.sum())
        on_chip = synchronous.Run({**reference.spikes, **simulation.spikes})
        for name, run in (("integers", reference), ("chip", on_chip)):
            result.right[name] += int((readout.answers(run.read(readout)) == targets).sum())
        for name, spikes in simulation.spikes.items():
            result.spikes[name] += int(reference.spikes[name].sum())
            result.differing[name] += int((spikes != reference.spikes[name]).sum())
    return compilation, result


def main() -> None:
    """Print a line per network, and one per population."""
    entries = {entry.name: entry for entry in load_config(FOLDER / "neurocompile.toml").models}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", metavar="NAME", help=f"of {', '.join(entries)}")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--engine", default="auto")
    options = parser.parse_args()

    images, labels = data.load_mnist("test")
    images = torch.as_tensor(images[:options.images])
    print(f"{'net':17}{'images':>7}{'float':>9}{'integers':>10}{'chip':>9}{'cores':>7}"
          f"{'ms/image':>10}{'events/image':>14}")
    for name in options.nets or entries:
        compilation, figures = measure(entries[name], images, labels[:len(images)], options.engine)
        count = len(images)
        shares = [figures.right[way] / count for way in ("float", "integers", "chip")]
        print(f"{name:17}{count:7}{shares[0]:9.2%}{shares[1]:10.2%}{shares[2]:9.2%}"
              f"{compilation.n_cores:7}{1000 * figures.seconds / count:10.2f}"
              f"{figures.events / count:14,.0f}")
        for population, spikes in figures.spikes.items():
            print(f"  {population:15}{spikes:14,} spikes, {figures.differing[population]} differ",
                  flush=True)


if __name__ == "__main__":
    main()
