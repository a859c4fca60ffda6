"""Train the networks of this folder on MNIST: ``python train.py conv``, ``mixer`` or ``samples``.

Weights are kept in full precision while training and used as -1, 0 or 1, with gradients passed
straight through; the file gets what was used.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ternary_nets
import torch
import torch.nn.functional as F
from spikingjelly.activation_based import functional
from torch import Tensor, nn
from torch.nn.utils import parametrize

from neurocompile.nn import TokenMixer

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "mnist"))

from training import save, shift, tensors

BATCH = 128


@dataclass(frozen=True)
class Recipe:
    """How one of the networks is trained."""

    make: Callable[[], nn.Module]
    file: str
    ticks: int
    epochs: int
    lr: float


RECIPES = {
    "conv": Recipe(ternary_nets.ConvNet, "model.pt", ternary_nets.TICKS, 8, 3e-3),
    "mixer": Recipe(ternary_nets.MixerNet, "mixer.pt", 1, 16, 3e-3),
}


class Ternary(nn.Module):
    """-1, 0 or 1 for a weight, by 0.7 times the mean magnitude of its output channel."""

    def forward(self, weight: Tensor) -> Tensor:
        """The ternary weight, with the identity's gradient."""
        axes = tuple(range(1, weight.ndim))
        level = 0.7 * weight.detach().abs().mean(axes, keepdim=True)
        ternary = torch.sign(weight.detach()) * (weight.detach().abs() > level)
        return weight + (ternary - weight).detach()


def ternary_layers(model: nn.Module) -> list[nn.Module]:
    """The layers whose weights are ternary: all but a head on the host."""
    return [m for m in model.modules() if isinstance(m, nn.Conv1d | nn.Conv2d | TokenMixer)]


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor, ticks: int) -> float:
    """Fraction of images whose largest output is the label's."""
    model.eval()
    correct = 0
    for x, y in zip(images.split(500), labels.split(500), strict=True):
        correct += int((model(ternary_nets.frames(x, ticks)).argmax(1) == y).sum())
        functional.reset_net(model)
    return correct / len(labels)


def save_ternary(model: nn.Module, recipe: Recipe, path: Path) -> None:
    """Write the state with the ternary weights in the place of the full ones."""
    plain = recipe.make()
    state = {name: value for name, value in model.state_dict().items()
             if "parametrizations" not in name}
    for name, module in model.named_modules():
        if parametrize.is_parametrized(module):
            state[f"{name}.weight"] = module.weight.detach()
    plain.load_state_dict(state)
    save(plain, path)


def train(recipe: Recipe, epochs: int, seed: int) -> None:
    """Train on all training images, and save the state after each epoch."""
    torch.manual_seed(seed)
    train_x, train_y = tensors("train", lambda images: images)
    test_x, test_y = tensors("test", lambda images: images)
    model = recipe.make()
    for layer in ternary_layers(model):
        parametrize.register_parametrization(layer, "weight", Ternary())
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr)
    steps = epochs * -(-len(train_y) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(1, epochs + 1):
        start, total = time.perf_counter(), 0.0
        model.train()
        for index in torch.randperm(len(train_y)).split(BATCH):
            x, y = shift(train_x[index], 1), train_y[index]
            loss = F.cross_entropy(logits(model, ternary_nets.frames(x, recipe.ticks)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            functional.reset_net(model)
            total += loss.item() * len(y)
        print(f"epoch {epoch}/{epochs}: loss {total / len(train_y):.4f}, test accuracy "
              f"{accuracy(model, test_x, test_y, recipe.ticks):.2%}, "
              f"{time.perf_counter() - start:.0f} s", flush=True)
        save_ternary(model, recipe, HERE / recipe.file)


def logits(model: nn.Module, x: Tensor) -> Tensor:
    """What the loss sees; votes in 0..1 are too flat for it."""
    outputs: Tensor = model(x)
    return 10 * outputs if isinstance(model, ternary_nets.ConvNet) else outputs


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=[*RECIPES, "samples"])
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.what == "samples":
        x, y = tensors("test", lambda images: images)
        for name, recipe in RECIPES.items():
            spikes = ternary_nets.frames(x[:32], recipe.ticks).movedim(0, 1)
            np.savez_compressed(HERE / f"{name}_samples.npz", x=spikes.numpy().astype(np.uint8),
                                y=y[:32].numpy())
        return
    recipe = RECIPES[args.what]
    train(recipe, recipe.epochs if args.epochs is None else args.epochs, args.seed)


if __name__ == "__main__":
    main()
