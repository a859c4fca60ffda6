"""Accuracy of the example networks on all 10,000 MNIST test images: PyTorch and integer reference.

Run: python benchmarks/mnist_accuracy.py [conv|fc ...] [--encoder bias] [--weight-bits 8]
The README's accuracy figures come from here.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

from neurocompile.backends import synchronous
from neurocompile.capture.torch_model import capture, reset
from neurocompile.pipeline import Options, compile_graph
from neurocompile.target import load_target

MNIST = Path(__file__).parents[1] / "examples" / "mnist"
sys.path.insert(0, str(MNIST))
BATCH = 500


def torch_answers(model: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    """The model's own class for every image."""
    found = []
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            reset(model)
            found.append(model(torch.as_tensor(images[start:start + BATCH])).argmax(1).numpy())
    return np.concatenate(found)


def main() -> None:
    """Print one line per network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=["conv", "fc"])
    parser.add_argument("--encoder", default="auto")
    parser.add_argument("--weight-bits", type=int, default=8)
    parser.add_argument("--images", type=int, default=10_000)
    options = parser.parse_args()
    import conv_net
    import data
    import fc_net

    images, labels = (np.asarray(a)[:options.images] for a in data.load_mnist("test"))
    sample = np.load(MNIST / "samples.npz")["x"]
    nets = {"conv": (conv_net.make, "model.pt"), "fc": (fc_net.make, "fc.pt")}
    print(f"{'net':6}{'images':>8}{'PyTorch':>10}{'integer':>10}{'same':>8}{'CPU s':>8}")
    for name in options.nets:
        make, weights = nets[name]
        model = make()
        model.load_state_dict(torch.load(MNIST / weights, weights_only=True))
        model.eval()
        compiled = compile_graph(
            capture(model, torch.as_tensor(sample[:4])), load_target("loihi2"),
            Options(weight_bits=options.weight_bits, encoder=options.encoder))
        start = time.process_time()
        source = compiled.network.inputs[0].name
        values, = synchronous.outputs(compiled.network, {source: images}).values()
        seconds = time.process_time() - start
        expected, found = torch_answers(model, images), values.argmax(1)
        print(f"{name:6}{len(images):8}{np.mean(expected == labels):10.2%}"
              f"{np.mean(found == labels):10.2%}{np.mean(found == expected):8.2%}{seconds:8.1f}")


if __name__ == "__main__":
    main()
