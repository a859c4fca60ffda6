"""What no network can be made of, each with the lines to blame."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.capture.features.harness import B, T, fc, feature, lif, one_tick

VECTOR = (T, B, 6)


@feature(VECTOR, time=0, lif=lif, lif2=lif, fc=fc(6, 5), lif3=lif)
def sum_of_spikes_into_a_synapse(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    s = s + net.lif2(s)
    return net.lif3(net.fc(s)).sum(0)  # NC125


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 6), lif2=lif, fc2=fc(6, 5), lif3=lif)
def weighted_sum_into_a_synapse(net: Any, x: Tensor) -> Tensor:
    y = net.fc(net.lif(x))
    y = y + net.lif2(y)
    return net.lif3(net.fc2(y)).sum(0)  # NC124


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif)
def mean_over_time_before_a_neuron(net: Any, x: Tensor) -> Tensor:
    y = net.lif(x).mean(0, keepdim=True)  # NC126
    return net.lif2(net.fc(y.expand(T, -1, -1))).sum(0)


@feature((T, B, 1, 4, 4), time=0, lif=lif, lif2=lif,
         conv=lambda: nn.Conv3d(1, 2, (3, 3, 3), padding=1))
def kernel_over_time(net: Any, x: Tensor) -> Tensor:
    y = net.conv(net.lif(x).permute(1, 2, 0, 3, 4))  # NC126
    return net.lif2(y.permute(2, 0, 1, 3, 4)).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5))
def threshold_behind_the_last_neuron(net: Any, x: Tensor) -> Tensor:
    y = net.fc(net.lif(x)).sum(0)
    return torch.round(y)  # NC129


@feature((B, 6), fc=fc(6, 5), node=one_tick)
def input_that_is_rounded(net: Any, x: Tensor) -> Tensor:
    y = x.int().float()  # NC110
    total: Any = 0
    for _ in range(T):
        total = total + net.node(net.fc(y))
    return total


@feature((B, 6), node=one_tick)
def membrane_as_output(net: Any, x: Tensor) -> Tensor:
    total: Any = 0
    for _ in range(T):
        total = total + net.node(x)
    return total * net.node.v  # NC129


@feature((B, 6), fc=fc(6, 5), first=fc(6, 5), node=one_tick)
def first_tick_by_another_layer(net: Any, x: Tensor) -> Tensor:
    out = [net.node(net.first(x))]  # NC112
    for _ in range(1, T):
        out.append(net.node(net.fc(x)))
    return torch.stack(out).sum(0)


@feature((B, 6), fc=fc(6, 5), node=one_tick)
def ticks_scaled_by_their_number(net: Any, x: Tensor) -> Tensor:
    return torch.stack([
        net.node(net.fc(x) * (t + 1)) for t in range(T)]).sum(0)  # NC112


@feature((B, 6), fc=fc(6, 6), node=one_tick, node2=one_tick)
def a_layer_only_in_some_ticks(net: Any, x: Tensor) -> Tensor:
    total: Any = 0
    for t in range(T):
        s = net.node(net.fc(x))
        if t % 2:
            s = net.node2(net.fc(s))  # NC112
        total = total + s
    return total


@feature((B, 6), fc=fc(6, 6), node=one_tick, fc2=fc(6, 6), node2=one_tick)
def a_neuron_used_twice_in_a_loop(net: Any, x: Tensor) -> Tensor:
    total: Any = 0
    for _ in range(T):
        s = net.node2(net.node(net.fc(x)))  # NC112
        total = total + net.node(net.fc2(s))
    return total


@feature(VECTOR, time=0, fc=fc(6, 6), lif=lif)
def a_neuron_used_twice(net: Any, x: Tensor) -> Tensor:
    return net.lif(net.fc(net.lif(x))).sum(0)  # NC112


@feature((T, B, 6), time=0, lif=lif, fc=fc(6, 5), lif2=lif)
def ticks_weighted_differently(net: Any, x: Tensor) -> Tensor:
    w = torch.arange(1, T + 1).view(T, 1, 1)
    return net.lif2(net.fc(net.lif(x)) * w).sum(0)  # NC110


@feature((T, B, 2, 4, 4), time=0, lif=lif, lif2=lif,
         bn=lambda: nn.BatchNorm2d(2, track_running_stats=False))
def statistics_of_the_batch(net: Any, x: Tensor) -> Tensor:
    y = net.bn(net.lif(x).flatten(0, 1))  # NC123 NC126
    return net.lif2(y.view(T, B, 2, 4, 4)).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 6), lif2=lif)
def sorted_spikes(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.fc(net.lif(x).sort(-1).values)).sum(0)  # NC127


@feature((T, B, 2, 6, 6, 6), time=0, lif=lif, lif2=lif, pool=lambda: nn.AdaptiveAvgPool3d(4))
def adaptive_average_pool_whose_windows_overlap(net: Any, x: Tensor) -> Tensor:
    y = net.pool(net.lif(x).flatten(0, 1))  # NC102
    return net.lif2(y.view(T, B, 2, 4, 4, 4)).sum(0)
