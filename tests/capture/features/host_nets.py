"""What follows the last neurons that fire: programs of the host, and outputs that are left out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.capture.features.harness import B, T, conv, fc, feature, lif, one_tick

VECTOR = (T, B, 6)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif)
def softmax_head(net: Any, x: Tensor) -> Tensor:
    return torch.softmax(net.lif2(net.fc(net.lif(x))).mean(0), -1)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif)
def softmax_of_every_tick(net: Any, x: Tensor) -> Tensor:
    return torch.softmax(net.lif2(net.fc(net.lif(x))), -1)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif, head=fc(5, 3), norm=lambda: nn.LayerNorm(3))
def layer_norm_of_rates(net: Any, x: Tensor) -> Tensor:
    return torch.tanh(net.norm(net.head(net.lif2(net.fc(net.lif(x))).mean(0))))


@feature((T, B, 1, 4, 4), time=0, conv=conv(), lif=lif)
def maximum_over_time_and_place(net: Any, x: Tensor) -> Tensor:
    s = net.lif(net.conv(x.flatten(0, 1)).unflatten(0, (T, B)))
    return s.amax((0, 3, 4))


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5))
def answers(net: Any, x: Tensor) -> Tensor:
    return net.fc(net.lif(x)).sum(0).argmax(-1)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5))
def rounded_readout(net: Any, x: Tensor) -> Tensor:
    return net.fc(net.lif(x)).sum(0).int()


@feature((B, 6), fc=fc(6, 6), node=one_tick)
def ticks_that_count_differently(net: Any, x: Tensor) -> Tensor:
    total: Any = 0
    for t in range(T):
        total = total + net.node(net.fc(x)) * (t + 1)
    return total


@feature((B, 6), fc=fc(6, 6), node=one_tick, head=fc(6, 3))
def leaky_integrator_by_hand(net: Any, x: Tensor) -> Any:
    m, trace = torch.zeros(len(x), 3), []
    for _ in range(T):
        m = 0.75 * m + net.head(net.node(net.fc(x)))
        trace.append(m)
    record = torch.stack(trace, 1)
    return {"last": m, "sum": record.sum(1), "ticks": record, "peak": record.amax(1)}


@feature((B, 6), fc=fc(6, 6), node=one_tick, head=fc(6, 3), last=one_tick)
def potential_of_a_layer_whose_spikes_nobody_reads(net: Any, x: Tensor) -> Tensor:
    for _ in range(T):
        net.last(net.head(net.node(net.fc(x))))
    return net.last.v


@feature((B, 6), fc=fc(6, 6), node=one_tick)
def the_input_beside_spikes(net: Any, x: Tensor) -> Tensor:
    total: Any = 0
    for _ in range(T):
        total = total + net.node(net.fc(x))
    return total * x


@feature(VECTOR, time=0, lif=lif)
def constant_as_output(net: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    return net.lif(x).sum(0), torch.ones(3)


@feature((B, 6), fc=fc(6, 6), node=one_tick)
def potential_and_rate_beside_spikes(net: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    s = torch.stack([net.node(net.fc(x)) for _ in range(T)])
    return net.node.v, s.sum(0), s.mean()
