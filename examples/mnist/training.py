"""Training of spiking networks on MNIST: recipes, the loop, accuracy and firing rates.

``train.py`` of this folder and of the other trained examples give it their recipes.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import snntorch as snn
import torch
import torch.nn.functional as F
from data import load_mnist
from spikingjelly.activation_based import functional, neuron
from torch import Tensor, nn

EVAL_BATCH = 500


@dataclass(frozen=True)
class Recipe:
    """How one of the networks is trained."""

    make: Callable[[], nn.Module]
    file: str
    epochs: int
    batch: int
    lr: float
    weight_decay: float
    shift: int
    start: str | None = None  # a file of weights to go on from


def tensors(split: Literal["train", "test"],
            prepare: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """The prepared images and the labels of a split."""
    images, labels = (torch.from_numpy(a) for a in load_mnist(split))
    return prepare(images), labels


def shift(images: Tensor, most: int) -> Tensor:
    """Each image moved by up to ``most`` pixels in x and y; zeros come in at the edges."""
    count, _, height, width = images.shape
    wide = F.pad(images, (most, most, most, most))
    offset = torch.randint(0, 2 * most + 1, (2, count, 1))
    rows = (offset[0] + torch.arange(height))[:, :, None]
    columns = (offset[1] + torch.arange(width))[:, None, :]
    sample = torch.arange(count)[:, None, None]
    return wide[sample, 0, rows, columns].unsqueeze(1)


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Fraction of images whose largest output is the label's."""
    model.eval()
    correct = 0
    for i in range(0, len(labels), EVAL_BATCH):
        x, y = images[i : i + EVAL_BATCH], labels[i : i + EVAL_BATCH]
        correct += int((model(x).argmax(1) == y).sum())
        functional.reset_net(model)
    return correct / len(labels)


def firing_rates(model: nn.Module, images: Tensor) -> dict[str, float]:
    """Mean spikes per neuron and tick of every spiking layer."""
    spikes: dict[str, float] = {}
    chances: dict[str, int] = {}

    def count(name: str) -> Callable[[nn.Module, object, object], None]:
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            out = output[0] if isinstance(output, tuple) else output
            if not isinstance(out, Tensor):
                raise TypeError(f"{name} returned {type(out).__name__}, not a tensor")
            spikes[name] = spikes.get(name, 0.0) + float(out.sum())
            chances[name] = chances.get(name, 0) + out.numel()

        return hook

    hooks = [
        module.register_forward_hook(count(name))
        for name, module in model.named_modules()
        if isinstance(module, (neuron.BaseNode, snn.Leaky))
    ]
    model.eval()
    with torch.no_grad():
        for i in range(0, len(images), EVAL_BATCH):
            model(images[i : i + EVAL_BATCH])
            functional.reset_net(model)
    for handle in hooks:
        handle.remove()
    return {name: spikes[name] / chances[name] for name in spikes}


def save(model: nn.Module, path: Path) -> None:
    """Write the state dict; the bytes do not depend on the file name."""
    state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    path.write_bytes(buffer.getvalue())


def train(recipe: Recipe, folder: Path, prepare: Callable[[Tensor], Tensor], epochs: int,
          seed: int) -> None:
    """Train on all training images and save the state in ``folder`` after each epoch."""
    torch.manual_seed(seed)
    train_x, train_y = tensors("train", prepare)
    test_x, test_y = tensors("test", prepare)
    model = recipe.make()
    if recipe.start is not None:
        model.load_state_dict(torch.load(folder / recipe.start, weights_only=True))
    print(f"parameters: {sum(p.numel() for p in model.parameters())}", flush=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    steps = epochs * -(-len(train_y) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        model.train()
        total = 0.0
        order = torch.randperm(len(train_y))
        for i in range(0, len(order), recipe.batch):
            index = order[i : i + recipe.batch]
            x, y = shift(train_x[index], recipe.shift), train_y[index]
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            functional.reset_net(model)
            total += loss.item() * len(y)
        seconds = time.perf_counter() - start
        score = accuracy(model, test_x, test_y)
        print(
            f"epoch {epoch}/{epochs}: loss {total / len(train_y):.4f}, "
            f"test accuracy {score:.2%}, {seconds:.0f} s",
            flush=True,
        )
        save(model, folder / recipe.file)
    for name, rate in firing_rates(model, test_x).items():
        print(f"firing rate of {name}: {rate:.4f} spikes per neuron and tick")


def run(recipes: Mapping[str, Recipe], folder: Path,
        prepare: Callable[[Tensor], Tensor] = lambda images: images) -> None:
    """The command line of a ``train.py``: train one of the recipes, or write ``samples.npz``.

    ``prepare`` turns MNIST's images [N, 1, 28, 28] into those that the networks see.
    """
    parser = argparse.ArgumentParser(description=f"Train a network of {folder.name}.")
    parser.add_argument("what", choices=[*recipes, "samples"])
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.what == "samples":
        x, y = tensors("test", prepare)
        np.savez_compressed(folder / "samples.npz", x=x[:32].numpy(), y=y[:32].numpy())
        return
    recipe = recipes[args.what]
    epochs = args.epochs if args.epochs is not None else recipe.epochs
    train(recipe, folder, prepare, epochs, args.seed)
