"""einops in users' code: rearrange, reduce, repeat, its layers, and einsum by names."""

from __future__ import annotations

from typing import Any

import einops
import einops.layers.torch as layers
from torch import Tensor

from tests.capture.features.harness import B, T, conv, fc, feature, lif


@feature((B, 1, 4, 4), conv=conv(), lif=lif, fc=fc(12, 4), lif2=lif)
def einops_functions(net: Any, x: Tensor) -> Tensor:
    x = einops.repeat(x, "b c h w -> t b c h w", t=T)
    y = net.conv(einops.rearrange(x, "t b c h w -> (t b) c h w"))
    s = net.lif(einops.rearrange(y, "(t b) c h w -> t b c h w", t=T))
    tokens = einops.rearrange(s, "t b c (h p) (w q) -> t b (h w) (c p q)", p=2, q=2)
    return einops.reduce(net.lif2(net.fc(tokens)), "t b n c -> b c", "sum")


@feature((B, T, 1, 4, 4), time=1, conv=conv(), lif=lif, fc=fc(48, 4), lif2=lambda: lif(0.125),
         into=lambda: layers.Rearrange("b t c h w -> (b t) c h w"),
         out=lambda: layers.Rearrange("(b t) c h w -> t b (c h w)", t=T),
         mean=lambda: layers.Reduce("t b c -> b c", "mean"))
def einops_layers(net: Any, x: Tensor) -> Tensor:
    s = net.lif(net.out(net.conv(net.into(x))))
    return net.mean(net.lif2(net.fc(s)))


@feature((T, B, 3, 4), time=0, lif=lif, lif2=lif,
         mix=lambda: layers.EinMix("t b n c -> t b k c", weight_shape="n k c", n=3, k=5, c=4))
def einops_mixing_of_tokens(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.mix(net.lif(x))).sum(0)


@feature((T, B, 6), time=0, lif=lif, fc=fc(6, 4), lif2=lif)
def einops_pack(net: Any, x: Tensor) -> Tensor:
    s, shape = einops.pack([net.lif(x)], "* c")
    y, = einops.unpack(net.fc(s), shape, "* c")
    return net.lif2(y).sum(0)
