"""Accuracy of the trained examples on all 10,000 MNIST test images: PyTorch and integer reference.

Run: python -m benchmarks.mnist_accuracy [NAME ...] [--encoder bias] [--weight-bits 8], a NAME from
`examples/*/neurocompile.toml`. The README's accuracy figures come from here. With --prune-tokens P or
--prune-steps P the integer network is the pruned one, PyTorch the whole one.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from examples.mnist import data
from examples.stmixer import small_nets
from neurocompile.backends import synchronous
from neurocompile.capture.factory import make_model
from neurocompile.capture.torch_model import capture, reset
from neurocompile.config import ModelEntry, load_config
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.targets import load_target
from neurocompile.options import Options

EXAMPLES = Path(__file__).parents[1] / "examples"
FOLDERS = [EXAMPLES / "mnist", EXAMPLES / "stmixer"]
BATCH = 500
CALIBRATION = 512  # training images that decide what is pruned


def torch_answers(model: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    """The model's own class for every image."""
    answers = []
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            reset(model)
            answers.append(model(torch.as_tensor(images[start:start + BATCH])).argmax(1).numpy())
    return np.concatenate(answers)


def load_trained(entry: ModelEntry) -> torch.nn.Module:
    """The model of a configuration's entry with its weights, in eval mode."""
    model, _ = make_model(entry.entry, entry.args, [entry.weights.parent])
    model.load_state_dict(torch.load(entry.weights, weights_only=True))
    return model.eval()


def main() -> None:
    """Print one line per network."""
    entries = {entry.name: entry for folder in FOLDERS
               for entry in load_config(folder / "neurocompile.toml").models}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", metavar="NAME", help=f"of {', '.join(entries)}")
    parser.add_argument("--encoder", default="auto")
    parser.add_argument("--streams", default="auto")
    parser.add_argument("--weight-bits", type=int, default=8)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--prune-tokens", type=float, default=0.0)
    parser.add_argument("--prune-steps", type=float, default=0.0)
    options = parser.parse_args()
    images, labels = (np.asarray(a)[:options.images] for a in data.load_mnist("test"))
    large = small_nets.upscale(torch.as_tensor(images)).numpy()
    prunes = options.prune_tokens > 0 or options.prune_steps > 0
    calibration = small_nets.upscale(torch.as_tensor(
        np.asarray(data.load_mnist("train")[0])[:CALIBRATION])).numpy() if prunes else None
    print(f"{'net':11}{'images':>8}{'PyTorch':>10}{'integer':>10}{'same':>8}{'CPU s':>8}")
    for name in options.nets or entries:
        entry = entries[name]
        model, x = load_trained(entry), images if entry.input.shape == images.shape[1:] else large
        compilation = compile_graph(
            capture(model, torch.as_tensor(x[:4])), load_target("loihi2"),
            Options(weight_bits=options.weight_bits, encoder=options.encoder, streams=options.streams,
                    allow=entry.options.get("allow", ()), prune_tokens=options.prune_tokens,
                    prune_steps=options.prune_steps),
            None if calibration is None else {"x": calibration})
        if compilation.pruning is not None:
            print(compilation.pruning.note().message)
        start = time.process_time()
        source = compilation.network.inputs[0].name
        values, = synchronous.outputs(compilation.network, {source: x}).values()
        seconds = time.process_time() - start
        expected, answers = torch_answers(model, x), values.argmax(1)
        print(f"{name:11}{len(x):8}{np.mean(expected == labels):10.2%}"
              f"{np.mean(answers == labels):10.2%}{np.mean(answers == expected):8.2%}{seconds:8.1f}",
              flush=True)


if __name__ == "__main__":
    main()
