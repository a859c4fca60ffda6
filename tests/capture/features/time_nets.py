"""Time: where the ticks are in users' tensors, and what heads make of them."""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from torch import Tensor, nn

from tests.capture.features.harness import B, T, conv, fc, feature, lif, one_tick


def leaky() -> nn.Module:
    return snntorch.Leaky(beta=0.5, threshold=0.5)


@feature((T, B, 1, 4, 4), time=0, conv=conv(), bn=lambda: nn.BatchNorm2d(3), lif=lif,
         fc=fc(48, 5), lif2=lif)
def time_first_flattened_at_every_layer(net: Any, x: Tensor) -> Tensor:
    t, b, _, h, w = x.shape
    y = net.bn(net.conv(x.flatten(0, 1))).reshape(t, b, -1, h, w).contiguous()
    y = net.fc(net.lif(y).flatten(0, 1).flatten(1)).view(t, b, -1)
    return net.lif2(y).mean(0)


@feature((B, T, 1, 4, 4), time=1, conv=conv(), lif=lif)
def batch_first_transposed(net: Any, x: Tensor) -> Tensor:
    y = x.transpose(0, 1).contiguous()
    y = net.lif(net.conv(y.flatten(0, 1)).unflatten(0, y.shape[:2]))
    return y.sum(0).flatten(1)


@feature((B, T, 1, 4, 4), time=1, conv=conv(), lif=lif, fc=fc(48, 3))
def batch_first_flattened_in_its_own_order(net: Any, x: Tensor) -> Tensor:
    y = net.conv(x.flatten(0, 1)).view(B, T, 3, 4, 4).transpose(0, 1)
    y = net.lif(y).transpose(0, 1).reshape(B, T, -1)
    return net.fc(y.reshape(B * T, -1)).view(B, T, -1).mean(1)


@feature((B, 1, 4, 4), conv=conv(), lif=lif)
def repeated_by_indexing_none(net: Any, x: Tensor) -> Tensor:
    y = x[None].repeat(T, 1, 1, 1, 1)
    return net.lif(net.conv(y.flatten(0, 1)).view(T, B, 3, 4, 4)).sum(0)


@feature((B, 1, 4, 4), conv=conv(), lif=lif)
def expanded_after_the_first_convolution(net: Any, x: Tensor) -> Tensor:
    return net.lif(net.conv(x).unsqueeze(0).expand(T, -1, -1, -1, -1)).sum(0)


@feature((B, 1, 4, 4), conv=conv(), bn=lambda: nn.BatchNorm2d(3), lif=lif)
def repeated_after_batch_norm(net: Any, x: Tensor) -> Tensor:
    return net.lif(net.bn(net.conv(x)).repeat(T, 1, 1, 1).view(T, B, 3, 4, 4)).mean(0)


@feature((B, 1, 4, 4), conv=conv(), lif=lif)
def repeated_batch_first(net: Any, x: Tensor) -> Tensor:
    y = net.conv(x.unsqueeze(1).repeat(1, T, 1, 1, 1).flatten(0, 1))
    return net.lif(y.unflatten(0, (B, T)).transpose(0, 1)).mean(0)


@feature((B, 5, 6), fc=fc(6, 5), lif=lif, fc2=fc(5, 4), lif2=lif)
def tokens_beside_samples_in_every_layer(net: Any, x: Tensor) -> Tensor:
    spikes = net.lif(net.fc(x.repeat(T, 1, 1, 1).flatten(1, 2)))
    return net.lif2(net.fc2(spikes)).view(T, B, 5, -1).sum((0, 2))


@feature((B, 6), fc=fc(6, 5), lif=lif)
def stacked_copies(net: Any, x: Tensor) -> Tensor:
    return net.lif(torch.stack([net.fc(x)] * T)).sum(0)


@feature((B, 6), fc=fc(6, 5), lif=lif)
def stacked_copies_of_each_round(net: Any, x: Tensor) -> Tensor:
    return net.lif(torch.stack([net.fc(x) for _ in range(T)])).sum(0)


@feature((B, 6), fc=fc(6, 5), lif=lif)
def repeat_interleaved(net: Any, x: Tensor) -> Tensor:
    y = x.repeat_interleave(T, dim=0).view(B, T, -1).transpose(0, 1)
    return net.lif(net.fc(y)).mean(0)


@feature((T, B, 6), time=0, fc=fc(6, 5), node=one_tick)
def loop_over_the_first_axis(net: Any, x: Tensor) -> Tensor:
    total: Any = 0
    for step in x:
        total = total + net.node(net.fc(step))
    return total / T


@feature((B, T, 6), time=1, fc=fc(6, 5), node=one_tick)
def loop_over_the_second_axis(net: Any, x: Tensor) -> Tensor:
    return torch.stack([net.node(net.fc(x[:, t])) for t in range(x.size(1))], 1).mean(1)


@feature((B, T, 1, 4, 4), time=1, conv=conv(), node=one_tick, fc=fc(48, 5), node2=one_tick)
def loop_of_layers_over_unbound_ticks(net: Any, x: Tensor) -> Tensor:
    outs = []
    for step in x.unbind(1):
        s = net.node(net.conv(step))
        outs.append(net.node2(net.fc(s.flatten(1))))
    return sum(outs) / len(outs)


@feature((B, T, T), time=1, fc=fc(1, 3), node=one_tick, fc2=fc(3, 5), node2=one_tick)
def as_many_tokens_as_ticks(net: Any, x: Tensor) -> Tensor:
    total: Any = 0
    for t in range(T):
        tokens = [net.fc(x[:, t, i:i + 1]) for i in range(T)]
        total = total + net.node2(net.fc2(net.node(sum(tokens))))
    return total


@feature((B, T, 6), fc=fc(6, 5), node=one_tick)
def tokens_that_are_no_ticks(net: Any, x: Tensor) -> Tensor:
    total: Any = 0
    for _ in range(T):
        total = total + net.node(net.fc(x[:, 0]) - net.fc(x[:, 1]) + x[:, 3, :5])
    return total


@feature((T, B, 6), time=0, fc=fc(6, 5), node=one_tick)
def loop_reads_what_it_wrote(net: Any, x: Tensor) -> Tensor:
    out = torch.zeros(B, T, 5)
    for t in range(T):
        before = out[:, t - 1] if t else torch.zeros(B, 5)
        out[:, t] = net.node(net.fc(x[t]) + before * 0.5)
    return out.sum(1)


@feature((T, B, 6), time=0, fc=fc(6, 5), node=one_tick)
def loop_over_chunks(net: Any, x: Tensor) -> Tensor:
    return sum(net.node(net.fc(part.squeeze(0))) for part in x.chunk(T))


@feature((T, B, 6), time=0, fc=fc(6, 5), node=one_tick)
def loop_over_chunks_of_merged_time(net: Any, x: Tensor) -> Tensor:
    return sum(net.node(part) for part in net.fc(x.flatten(0, 1)).chunk(T))


@feature((T, B, 6), time=0, fc=fc(6, 5), node=one_tick)
def loop_writes_each_tick(net: Any, x: Tensor) -> Tensor:
    out = torch.zeros(T, B, 5)
    for t in range(T):
        out[t] = net.node(net.fc(x[t]))
    return out.mean(0)


@feature((T, B, 6), time=0, fc=fc(6, 5), node=one_tick, fc2=fc(5, 4), lif=lif)
def loop_then_all_ticks_at_once(net: Any, x: Tensor) -> Tensor:
    out = torch.zeros(T, B, 5)
    for t in range(T):
        out[t] = net.node(net.fc(x[t]))
    return net.lif(net.fc2(out)).sum(0)


@feature((T, B, 6), time=0, lif=lif, fc=fc(6, 5), node=one_tick)
def all_ticks_at_once_then_loop(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    return torch.stack([net.node(net.fc(s[t])) for t in range(T)]).sum(0)


@feature((B, 6), n_ticks=T, fc=fc(6, 5), node=one_tick, fc2=fc(5, 3), node2=one_tick)
def one_tick_a_call(net: Any, x: Tensor) -> Tensor:
    return net.node2(net.fc2(net.node(net.fc(x))))


@feature((B, 6), n_ticks=1, fc=fc(6, 5), node=one_tick)
def a_single_tick(net: Any, x: Tensor) -> Tensor:
    return net.node(net.fc(x))


@feature((B, 6), fc=fc(6, 5), leaky=leaky, fc2=fc(5, 3), leaky2=leaky)
def explicit_state_stacked(net: Any, x: Tensor) -> Tensor:
    mem, mem2 = net.leaky.init_leaky(), net.leaky2.init_leaky()
    record = []
    for _ in range(T):
        s, mem = net.leaky(net.fc(x), mem)
        s, mem2 = net.leaky2(net.fc2(s), mem2)
        record.append(s)
    return torch.stack(record, dim=0).sum(dim=0)


@feature((T, B, 1, 4, 4), time=0, conv=conv(), lif=lif, head=fc(3, 4))
def head_pools_space_then_time(net: Any, x: Tensor) -> Tensor:
    s = net.lif(net.conv(x.flatten(0, 1)).view(T, B, 3, 4, 4))
    return net.head(s.flatten(3).mean(3).mean(0))


@feature((T, B, 6), time=0, lif=lif, head=fc(6, 4))
def head_for_every_tick_then_mean(net: Any, x: Tensor) -> Tensor:
    y = net.head(net.lif(x).flatten(0, 1))
    return y.view(T, B, 4).mean(0)


@feature((T, B, 6), time=0, lif=lif, fc=fc(6, 8), lif2=lif)
def voting_groups(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.fc(net.lif(x))).mean(0).view(B, 4, 2).mean(2)


@feature((T, B, 6), time=0, lif=lif, head=fc(6, 4))
def logits_per_tick(net: Any, x: Tensor) -> Tensor:
    return net.head(net.lif(x))


@feature((T, B, 6), time=0, lif=lif, head=fc(6, 4), time_of_outputs=1)
def logits_per_tick_batch_first(net: Any, x: Tensor) -> Tensor:
    return net.head(net.lif(x)).transpose(0, 1)


@feature((B, 6), fc=fc(6, 5), leaky=leaky)
def spikes_of_a_loop_per_tick(net: Any, x: Tensor) -> Tensor:
    mem, record = net.leaky.init_leaky(), []
    for _ in range(T):
        s, mem = net.leaky(net.fc(x), mem)
        record.append(s)
    return torch.stack(record)


@feature((B, 6), fc=fc(6, 5), leaky=leaky, head=fc(5, 4), time_of_outputs=1)
def outputs_of_a_loop_stacked_behind_the_batch(net: Any, x: Tensor) -> Tensor:
    mem, record = net.leaky.init_leaky(), []
    for _ in range(T):
        s, mem = net.leaky(net.fc(x), mem)
        record.append(net.head(s))
    return torch.stack(record, 1)


@feature((B, 6), fc=fc(6, 5), leaky=leaky)
def last_tick_alone(net: Any, x: Tensor) -> Tensor:
    mem = net.leaky.init_leaky()
    for _ in range(T):
        s, mem = net.leaky(net.fc(x), mem)
    return s


@feature((T, B, 6), time=0, lif=lif, fc=fc(6, 4))
def last_tick_of_all(net: Any, x: Tensor) -> Tensor:
    return net.fc(net.lif(x)[-1])


@feature((T, B, 3, 6), time=0, lif=lif, fc=fc(6, 5), bn=lambda: nn.BatchNorm1d(5), lif2=lif)
def time_merged_with_tokens_through_linear(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x).permute(1, 0, 2, 3).reshape(B, T * 3, 6)
    y = net.bn(net.fc(s).transpose(-1, -2)).transpose(-1, -2)
    return net.lif2(y.view(B, T, 3, 5).transpose(0, 1)).sum((0, 2))


@feature((T, B, 3, 6), time=0, lif=lif, fc=fc(6, 5), lif2=lif)
def everything_merged_through_linear(net: Any, x: Tensor) -> Tensor:
    y = net.fc(net.lif(x).reshape(-1, 6)).reshape(T, B, 3, -1)
    return net.lif2(y).sum((0, 2, 3))


@feature((T, B, 3, 6), time=0, fc=fc(6, 5), lif=lif, fc2=fc(5, 4), lif2=lif)
def neurons_on_batch_times_tokens(net: Any, x: Tensor) -> Tensor:
    s = net.lif(net.fc(x).flatten(1, 2))
    return net.lif2(net.fc2(s).view(T, B, 3, 4)).sum((0, 2))


@feature((B, 6), fc=fc(6, 6), node=one_tick)
def feedback_over_two_ticks(net: Any, x: Tensor) -> Tensor:
    spikes = [torch.zeros(B, 6), torch.zeros(B, 6)]
    for _ in range(T):
        spikes.append(net.node(net.fc(x) + spikes[-2]))
    total: Any = sum(spikes[2:])
    return total
