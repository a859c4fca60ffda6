"""Wiring: residuals, joins, cuts, assignments, permutations, recurrence."""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from torch import Tensor, nn

from tests.capture.features.harness import B, T, conv, fc, feature, lif, one_tick

VECTOR = (T, B, 8)
IMAGE = (T, B, 2, 4, 4)


@feature(VECTOR, time=0, lif=lif, fc=fc(8, 8), lif2=lif, fc2=fc(8, 8), lif3=lif)
def membrane_shortcut(net: Any, x: Tensor) -> Tensor:
    y = net.fc(net.lif(x))
    z = net.fc2(net.lif2(y)) + y
    return net.lif3(z).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(8, 8), lif2=lif)
def spikes_added_to_a_current(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    return net.lif2(net.fc(s) + s).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(8, 8), lif2=lif)
def shortcut_from_the_input(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.fc(net.lif(x)) + x).sum(0)


@feature((B, 2, 4, 4), conv=conv(2, 3), lif=lif, down=lambda: nn.Conv2d(2, 5, 1, 2),
         conv2=lambda: nn.Conv2d(3, 5, 3, 2, padding=1), lif2=lif)
def downsampled_shortcut_from_an_image(net: Any, x: Tensor) -> Tensor:
    s = net.lif(net.conv(x).repeat(T, 1, 1, 1).view(T, B, 3, 4, 4))
    y = net.conv2(s.flatten(0, 1)).view(T, B, 5, 2, 2)
    return net.lif2(y + net.down(x)).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(8, 8), lif2=lif, fc2=fc(8, 8), lif3=lif)
def shortcut_added_in_place(net: Any, x: Tensor) -> Tensor:
    y = net.fc(net.lif(x))
    z = net.fc2(net.lif2(y))
    z += y
    z.mul_(0.5).add_(0.25)
    return net.lif3(z).sum(0)


@feature(VECTOR, time=0, lif=lif, lif2=lambda: lif(0.75), fc=fc(16, 4), lif3=lif)
def concatenated_spikes(net: Any, x: Tensor) -> Tensor:
    return net.lif3(net.fc(torch.cat([net.lif(x), net.lif2(x)], -1))).sum(0)


@feature(IMAGE, time=0, lif=lif, one=conv(2, 3), two=conv(2, 2), lif2=lif)
def concatenated_currents(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x).flatten(0, 1)
    y = torch.cat([net.one(s), net.two(s), torch.zeros(T * B, 1, 4, 4)], 1)
    return net.lif2(y.view(T, B, 6, 4, 4)).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(4, 4), lif2=lif)
def chunks(net: Any, x: Tensor) -> Tensor:
    a, b = net.lif(x).chunk(2, dim=-1)
    return net.lif2(net.fc(a) + b).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(3, 5), lif2=lif)
def split_in_unequal_parts(net: Any, x: Tensor) -> Tensor:
    a, b = net.lif(x).split([3, 5], dim=2)
    return net.lif2(net.fc(a) - b).sum(0)


@feature((T, B, 3, 4), time=0, lif=lif, fc=fc(4, 4), lif2=lif)
def unbound_tokens(net: Any, x: Tensor) -> Tensor:
    a, b, c = net.lif(x).unbind(2)
    return net.lif2(net.fc(a) + b - c * 0.5).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(4, 3), lif2=lif)
def slices_with_steps_and_signs(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    return net.lif2(net.fc(s[..., 1::2]) + s[..., -3:] + s.flip(-1)[..., 2:5]).sum(0)


@feature(VECTOR, time=0, lif=lif, lif2=lif, kept=lambda: nn.Buffer(torch.tensor([6, 0, 3, 3])))
def indexed_by_a_buffer(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.lif(x)[:, :, net.kept] * 0.75).sum(0)


@feature(VECTOR, time=0, lif=lif, lif2=lif)
def masked_by_a_constant(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    mask = torch.arange(8) % 3 == 0
    return net.lif2(torch.where(mask, s * 0.75, 0.25) + s.masked_fill(mask, 0)).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif)
def rolled_and_flipped(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    return net.lif2(torch.roll(s, (1, -1), (3, 4)) * 0.5 + s.flip(3)).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif)
def pixels_shuffled(net: Any, x: Tensor) -> Tensor:
    y = torch.nn.functional.pixel_unshuffle(net.lif(x), 2)
    y = torch.nn.functional.pixel_shuffle(y.flip(2) * 0.75, 2)
    return net.lif2(y).sum(0)


@feature((T, B, 2, 4, 4), time=0, lif=lif, lif2=lif, conv=lambda: nn.Conv2d(2, 2, 3))
def borders_reflected(net: Any, x: Tensor) -> Tensor:
    y = torch.nn.functional.pad(net.lif(x).flatten(0, 1), [1] * 4, mode="reflect")
    return net.lif2(net.conv(y).view(T, B, 2, 4, 4)).sum(0)


@feature((T, B, 3, 4), time=0, lif=lif, lif2=lif,
         mix=lambda: nn.ModuleList(nn.Linear(4, 4) for _ in range(3)))
def heads_assigned_one_by_one(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    y = torch.zeros_like(s)
    for i, layer in enumerate(net.mix):
        y[:, :, i] = layer(s[:, :, i])
    return net.lif2(y).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(4, 4), fc2=fc(4, 4), lif2=lif)
def strided_slices_assigned(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    y = s.clone()
    y[..., 0::2] = net.fc(s[..., :4])
    y[..., 1::2] += net.fc2(s[..., 4:])
    return net.lif2(y).sum(0)


@feature((T, B, 6, 4), time=0, lif=lif, fc=fc(8, 8), lif2=lif)
def heads_permuted(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x).reshape(T, B, 6, 2, 2).permute(0, 1, 3, 2, 4)  # T B heads N C
    y = s.transpose(2, 3).reshape(T, B, 6, 4).transpose(-1, -2)
    return net.lif2(net.fc(y.reshape(T, B, 3, 8))).sum(0)


@feature((B, 6), fc=fc(6, 5), back=fc(5, 5, bias=False), node=one_tick)
def recurrent_by_its_own_weights(net: Any, x: Tensor) -> Tensor:
    s = torch.zeros(B, 5)
    total: Any = 0
    for _ in range(T):
        s = net.node(net.fc(x) + net.back(s))
        total = total + s
    return total


@feature((T, B, 6), time=0, fc=fc(6, 5), back=fc(4, 5, bias=False), fc2=fc(5, 4),
         leaky=lambda: snntorch.Leaky(beta=0.5, threshold=0.5),
         leaky2=lambda: snntorch.Leaky(beta=0.5, threshold=0.5))
def recurrent_through_two_layers(net: Any, x: Tensor) -> Tensor:
    mem, mem2, s2 = net.leaky.reset_mem(), net.leaky2.reset_mem(), torch.zeros(B, 4)
    outs = []
    for t in range(T):
        s1, mem = net.leaky(net.fc(x[t]) + net.back(s2), mem)
        s2, mem2 = net.leaky2(net.fc2(s1), mem2)
        outs.append(s2)
    return torch.stack(outs).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(8, 8), lif2=lif, lif3=lif)
def tied_weights(net: Any, x: Tensor) -> Tensor:
    y = net.lif2(net.fc(net.lif(x)))
    return net.lif3(nn.functional.linear(y, net.fc.weight.t())).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(8, 8), lif2=lif, lif3=lif)
def one_layer_used_twice(net: Any, x: Tensor) -> Tensor:
    return net.lif3(net.fc(net.lif2(net.fc(net.lif(x))))).sum(0)
