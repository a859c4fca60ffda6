"""Code: inputs and outputs of all kinds, Python control flow, modules that do nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.capture.features.harness import B, T, conv, fc, feature, lif, one_tick

VECTOR = (T, B, 6)


@feature(VECTOR, (T, B, 4), time=0, lif=lif, fc=fc(6, 5), fc2=fc(4, 5), lif2=lif)
def two_inputs(net: Any, x: Tensor, y: Tensor) -> Tensor:
    return net.lif2(net.fc(net.lif(x)) + net.fc2(y)).sum(0)


@feature(VECTOR, (B, 4), time=(0, None), lif=lif, fc=fc(6, 5), fc2=fc(4, 5), lif2=lif)
def an_input_with_and_one_without_time(net: Any, x: Tensor, y: Tensor) -> Tensor:
    return net.lif2(net.fc(net.lif(x)) + net.fc2(y)).sum(0)


@feature(VECTOR, (B, 4), time=(0, None), lif=lif)
def an_input_that_is_not_used(net: Any, x: Tensor, y: Tensor) -> Tensor:
    return net.lif(x).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif, head=fc(5, 3))
def outputs_in_a_tuple(net: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    s = net.lif(x)
    return net.head(net.lif2(net.fc(s))).mean(0), s.sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif, head=fc(5, 3))
def outputs_in_a_dictionary(net: Any, x: Tensor) -> dict[str, Tensor]:
    s = net.lif(x)
    return {"logits": net.head(net.lif2(net.fc(s)).mean(0)), "counts": s.sum(0)}


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif)
def outputs_in_nested_lists_with_none(net: Any, x: Tensor) -> Any:
    s = net.lif(x)
    return [s.sum(0), None, [net.lif2(net.fc(s)).mean(0), None]]


@feature(VECTOR, time=0, lif=lif)
def outputs_that_are_no_tensors(net: Any, x: Tensor) -> Any:
    return {"counts": net.lif(x).sum(0), "ticks": len(x), "name": "net", "exact": True}


@feature(VECTOR, time=0, lif=lif)
def one_output_twice(net: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    y = net.lif(x).sum(0)
    return y, y


@feature((B, 1, 4, 4), conv=conv(), lif=lif)
def control_flow_on_shapes(net: Any, x: Tensor) -> Tensor:
    if len(x.shape) < 5:
        x = x.unsqueeze(0).repeat(T, 1, 1, 1, 1)
    t, b, _, h, _ = x.shape
    half = int(h / 2)
    y = net.conv(x.flatten(0, 1)).view(t, b, -1, h, h)
    if y.size(2) % 2 and hasattr(net, "lif"):
        y = y[:, :, :, :half]
    return net.lif(y).mean(0)


class DropPath(nn.Module):
    """Drops whole samples of a branch while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if self.rate == 0.0 or not self.training:
            return x
        keep = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(1 - self.rate)
        return x * keep / (1 - self.rate)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 6), drop=lambda: DropPath(0.5), lif2=lif,
         dropout=lambda: nn.Dropout(0.5))
def branches_dropped_in_training(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    return net.lif2(net.drop(net.fc(net.dropout(s))) + s).sum(0)


@feature(VECTOR, time=0, lif=lif, norm=lambda: nn.LayerNorm(6), head=fc(6, 3), unused=lif,
         pool=lambda: nn.MaxPool2d(2))
def modules_that_are_not_used(net: Any, x: Tensor) -> Tensor:
    return net.head(net.lif(x)).mean(0)


@feature(VECTOR, time=0, lif=lif, head=fc(6, 3), aux=fc(6, 4))
def head_for_training_only(net: Any, x: Tensor) -> Any:
    s = net.lif(x)
    if net.training:
        return net.head(s).mean(0), torch.softmax(net.aux(s), -1)
    torch.softmax(net.aux(s), -1).max()
    return net.head(s).mean(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif, prepare=lambda net: net.half())
def half_precision_weights(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.fc(net.lif(x))).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif, prepare=lambda net: net.double())
def double_precision_weights(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.fc(net.lif(x))).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 6), lif2=lif,
         scale=lambda: torch.tensor([0.5, 1, 2, 1, 0.5, 4]), offset=lambda: [0.25, 0.5])
def tensors_that_are_no_buffers(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.fc(net.lif(x)) * net.scale + net.offset[0]).sum(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif)
def values_kept_for_inspection(net: Any, x: Tensor) -> Tensor:
    hooks: dict[str, Tensor] = {}
    s = net.lif(x)
    hooks["first"] = s.detach()
    y = net.lif2(net.fc(s))
    hooks["second"] = y.detach()
    return hooks["second"].sum(0)


@feature((B, 6), blocks=lambda: nn.ModuleList(nn.ModuleDict(
    {"fc": nn.Linear(6, 6), "node": one_tick()}) for _ in range(2)))
def blocks_in_containers(net: Any, x: Tensor) -> Tensor:
    total = []
    for _ in range(T):
        s = x
        for block in net.blocks:
            s = block["node"](block["fc"](s))
        total.append(s)
    return torch.stack(total).mean(0)


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif)
def a_hook_that_changes_a_value(net: Any, x: Tensor) -> Tensor:
    handle = net.fc.register_forward_hook(lambda module, args, out: out * 2)
    y = net.lif2(net.fc(net.lif(x))).sum(0)
    handle.remove()
    return y


@feature(VECTOR, time=0, lif=lif, fc=fc(6, 5), lif2=lif)
def arithmetic_on_plain_numbers(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x)
    return net.lif2(net.fc(s) * (s.numel() ** 0.5 > 3) + float(s.shape[-1]) / 12).sum(0)
