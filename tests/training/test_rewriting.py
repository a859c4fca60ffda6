"""A state_dict on the grid: the model's float run is its integer network, spike for spike."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import layer, neuron
from torch import nn

import neurocompile
from neurocompile.backends import synchronous
from neurocompile.formats.checkpoint import load_checkpoint, state_dict
from neurocompile.formats.state_file import state_bytes
from neurocompile.training.rewriting import RewrittenModel
from neurocompile.training.roles import identity_of
from tests.training.networks import (
    TICKS,
    Convolutions,
    Leaky,
    Shared,
    frames,
    spikes_of,
    trained_like,
)

NETWORKS: dict[str, tuple[type[nn.Module], tuple[int, ...]]] = {
    "convolutions": (Convolutions, (1, 8, 8)), "shared": (Shared, (12,)), "leaky": (Leaky, (12,))}


def rewritten(kind: type[nn.Module], x: np.ndarray[Any, Any], **options: Any
              ) -> tuple[nn.Module, RewrittenModel, torch.Tensor]:
    """A fresh module of a kind with the weights that were written for another."""
    module = trained_like(kind())
    before = copy.deepcopy(module.state_dict())
    tensor = torch.from_numpy(x[:, 0] if kind is Leaky else x.swapaxes(0, 1).copy())
    result = neurocompile.quantize(module, tensor, **options)
    assert all(torch.equal(a, b) for a, b in zip(
        before.values(), module.state_dict().values(), strict=True))
    fresh = kind()
    fresh.load_state_dict(result.state_dict)
    return fresh.eval(), result, tensor


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_float_run_is_the_integer_network(name: str, bits: int) -> None:
    """All populations busy, no difference, every layer written."""
    kind, shape = NETWORKS[name]
    x = frames(shape)
    module, result, tensor = rewritten(kind, x, weight_bits=bits)
    assert (result.findings, result.left) == ((), 0)
    in_torch = spikes_of(module, tensor)
    (item,) = (one for one in result.network.inputs if one.name != "one")
    in_integers = synchronous.run(result.network, {
        item.name: x[:, 0] if kind is Leaky else x}).spikes
    assert in_torch.keys() == in_integers.keys()
    for population, train in in_torch.items():
        assert 0.02 < train.mean() < 0.98, population
        np.testing.assert_array_equal(train, in_integers[population], population)
