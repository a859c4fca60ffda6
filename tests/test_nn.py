"""`neurocompile.nn`: what the layers compute, that they are legal, and that diagnostics name them."""

import importlib
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.backends import synchronous
from neurocompile.capture.torch_model import capture
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.targets import load_target
from neurocompile.ir.network import InputKind
from neurocompile.nn import TokenMixer
from neurocompile.passes.legality import check_graph
from neurocompile.passes.lowering.lower import lower
from neurocompile.rules import RULES
from tests.capture import nets
from tests.passes.lowering.test_lower import model_spikes

TOKENS, WIDTH = 9, 8


class Encoder(nn.Module):
    """A host of self-attention, (T, B, N, C): value, mixing and projection behind neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, WIDTH)
        self.x_lif, self.v_lif, self.attn_lif, self.last_lif = (
            neuron.LIFNode(v_threshold=0.5, step_mode="m") for _ in range(4))
        self.v, self.proj, self.head = (nn.Linear(WIDTH, n) for n in (WIDTH, WIDTH, 3))
        self.mixer = TokenMixer(TOKENS, heads=2)
        nn.init.uniform_(self.mixer.weight, -0.25, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x).unsqueeze(0).repeat(3, 1, 1, 1)
        v = self.v_lif(4 * self.v(self.x_lif(x)))
        x = x + self.proj(self.attn_lif(self.mixer(v)))
        return self.head(self.last_lif(x).mean(2)).mean(0)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_each_head_mixes_its_own_channels(heads: int) -> None:
    mixer = nets.lively(TokenMixer(TOKENS, heads))  # multiples of 1/64: every sum is exact
    x = torch.randint(0, 2, (2, 3, TOKENS, WIDTH)).float()
    expected = torch.zeros_like(x)
    for c in range(WIDTH):
        matrix = mixer.weight[c * heads // WIDTH]
        for n in range(TOKENS):
            expected[..., n, c] = (matrix[n] * x[..., c]).sum(-1)
    assert mixer(x).shape == x.shape
    assert expected.any()
    assert torch.equal(mixer(x), expected)
    transpose = TokenMixer(TOKENS, heads, "CN")
    transpose.load_state_dict(mixer.state_dict())
    assert torch.equal(transpose(x.transpose(-2, -1)).transpose(-2, -1), mixer(x))


def test_one_parameter_within_its_start_range() -> None:
    (name, weight), = TokenMixer(16, 4).named_parameters()
    assert (name, weight.shape) == ("weight", (4, 16, 16))
    assert 0.2 < weight.abs().max() <= 0.25
    assert repr(TokenMixer(16, 4)) == "TokenMixer(16, heads=4, layout='NC')"


@pytest.mark.parametrize("arguments", [(0,), (9, 0), (9, 2, "NCHW")])
def test_bad_arguments(arguments: Any) -> None:
    with pytest.raises(ValueError, match="TokenMixer needs tokens and heads of at least 1"):
        TokenMixer(*arguments)


def test_channels_that_heads_do_not_divide() -> None:
    with pytest.raises(RuntimeError, match="unflatten"):
        TokenMixer(TOKENS, 3)(torch.zeros(1, TOKENS, WIDTH))


def test_in_place_of_attention() -> None:
    """Captured, legal, lowered with the model's spikes, and built: the mixer is one projection."""
    torch.manual_seed(1)
    model, x = nets.lively(Encoder()), nets.image(2, TOKENS, 4)
    graph = capture(model, x)
    assert [d.code for d in check_graph(graph)] == []
    network, _ = lower(graph)
    image = next(i.name for i in network.inputs if i.kind is not InputKind.ONE)
    expected, result = model_spikes(model, x), synchronous.run(network, {image: x.numpy()}).spikes
    assert expected.keys() == result.keys()
    for path, spikes in expected.items():
        assert 0 < spikes.mean() < 1, path
        assert np.array_equal(spikes.reshape(result[path].shape), result[path]), path
    (mixing,) = network.into("attn_lif")
    assert mixing.source == "v_lif"
    compilation = compile_graph(graph, load_target("loihi2"))
    assert isinstance(compilation, LoihiCompilation)
    assert compilation.mapping is not None
    assert compilation.mapping.partition.cores


def test_diagnostics_name_a_module_that_exists() -> None:
    for code in ("NC120", "NC121"):
        names = re.findall(r"`(neurocompile\.nn)\.(\w+)`", RULES[code].fix)
        assert [getattr(importlib.import_module(m), name) for m, name in names] == [TokenMixer]


def test_the_package_finds_it_without_importing_torch_first() -> None:
    code = ("import sys, neurocompile; early = 'torch' in sys.modules; "
            "print(early, neurocompile.nn.TokenMixer(4).weight.shape)")
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "False torch.Size([1, 4, 4])\n"
