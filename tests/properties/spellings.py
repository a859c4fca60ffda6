"""Ways to write the same function of spikes: what a network is made of, each in another spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Spikes = Callable[[Tensor], Tensor]
Sum = Callable[[Tensor, Tensor], Tensor]
Layer = Callable[[nn.Linear, Tensor], Tensor]


@dataclass(frozen=True)
class Spelling:
    """How a network writes what it does: to spikes, to two values, with weights, in a pool."""

    spikes: Spikes = lambda s: s
    add: Sum = lambda a, b: a + b
    linear: Layer = lambda layer, x: layer(x)
    pool: Spikes = lambda x: F.avg_pool2d(x, 2)


def spellings() -> Mapping[str, Mapping[str, Spelling]]:
    """All of them by name, by what they spell."""
    tables: dict[str, dict[str, Any]] = {
        "spikes": SPIKES, "add": SUMS, "linear": LAYERS, "pool": POOLS}
    assert tables.keys() == {field.name for field in fields(Spelling)}
    return {kind: {name: Spelling(**{kind: way}) for name, way in table.items()}
            for kind, table in tables.items()}


def _numbers(x: Tensor) -> Tensor:
    return torch.arange(x.shape[-1])


def _gather(s: Tensor) -> Tensor:
    return torch.gather(s, -1, _numbers(s).expand_as(s).contiguous())


def _padding(s: Tensor) -> Tensor:
    return F.pad(s, (1, 1))[..., 1:-1]


def _pool_of_one(s: Tensor) -> Tensor:
    return F.lp_pool1d(s.flatten(0, 1).flatten(1).unsqueeze(1), 1, 1).reshape(s.shape)


SPIKES: dict[str, Spikes] = {
    "relu": torch.relu,
    "relu in place": lambda s: s.clone().relu_(),
    "abs": torch.abs,
    "sign": torch.sign,
    "clamp": lambda s: s.clamp(0, 1),
    "clamp in place": lambda s: s.clone().clamp_(0, 1),
    "hardtanh": F.hardtanh,
    "> 0": lambda s: (s > 0).float(),
    ">= 1": lambda s: (s >= 1).float(),
    "!= 0": lambda s: (s != 0).to(s.dtype),
    "== 1": lambda s: (s == 1) * 1.0,
    "not < 0.5": lambda s: torch.logical_not(s < 0.5).float(),
    "bool": lambda s: s.bool().float(),
    "int": lambda s: s.int().float(),
    "round": torch.round,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "** 2": lambda s: s ** 2,
    "s * s": lambda s: s * s,
    "s & s": lambda s: (s.bool() & s.bool()).float(),
    "sqrt": torch.sqrt,
    "maximum of 0": lambda s: torch.maximum(s, torch.zeros(())),
    "minimum of 1": lambda s: torch.minimum(s, torch.ones(s.shape[-1])),
    "where": lambda s: torch.where(s > 0, torch.ones(()), torch.zeros(())),
    "where itself": lambda s: torch.where(s > 0.5, s, torch.zeros_like(s)),
    "where weights": lambda s: torch.where(s > 0, 2.0, 0.0) / 2,
    "where other": lambda s: torch.where(s > 0, 1.5, 0.5) - 0.5,
    "masked fill": lambda s: s.masked_fill(s < 0.5, 0.0),
    "1 - (1 - s)": lambda s: 1 - (1 - s),
    "0 * s": lambda s: s + 0.0 * s,
    "sign of a sum": lambda s: torch.sign(s + s),
    "times 1": lambda s: s.clone().mul_(1.0).add_(0.0),
    "silu": lambda s: F.silu(s) / 0.7310585975646973,
    "chunks": lambda s: torch.cat(s.chunk(2, -1), -1),
    "splits": lambda s: torch.cat(s.split([1, s.shape[-1] - 1], -1), -1),
    "index_select": lambda s: s.index_select(-1, _numbers(s)),
    "flips": lambda s: s.flip(-1).index_select(-1, _numbers(s).flip(0)),
    "gather": _gather,
    "slices": lambda s: torch.cat([s[..., :2], s[..., 2:]], -1),
    "pad": _padding,
    "lp_pool": _pool_of_one,
    "repeat": lambda s: s.unsqueeze(-1).repeat(*[1] * s.ndim, 3)[..., 1],
    "expand": lambda s: s.unsqueeze(0).expand(2, *s.shape)[1],
    "stack": lambda s: torch.stack([s, s])[0],
}


def _side_by_side(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat([a, b], -1).unflatten(-1, (2, a.shape[-1])).sum(-2)


def _in_place(a: Tensor, b: Tensor) -> Tensor:
    total = a.clone()
    total += b
    return total


def _writes(a: Tensor, b: Tensor) -> Tensor:
    parts = torch.zeros(2, *a.shape)
    parts[0], parts[1] = a, b
    return parts.sum(0)


SUMS: dict[str, Sum] = {
    "b + a": lambda a, b: b + a,
    "torch.add": torch.add,
    "alpha": lambda a, b: torch.add(a, b * 0.5, alpha=2),
    "in place": _in_place,
    "stack": lambda a, b: torch.stack([a, b]).sum(0),
    "stack behind": lambda a, b: torch.stack([a, b], -1).sum(-1),
    "cat": _side_by_side,
    "cat of ones": lambda a, b: torch.cat([a.unsqueeze(0), b.unsqueeze(0)]).sum(0),
    "mean": lambda a, b: torch.stack([a, b]).mean(0) * 2,
    "einsum": lambda a, b: torch.einsum("k...->...", torch.stack([a, b])),
    "sum of a list": lambda a, b: sum([a, b], torch.zeros(())),
    "a - (-b)": lambda a, b: a - (-b),
    "sub": lambda a, b: torch.sub(a, b, alpha=-1),
    "written": _writes,
    "halves": lambda a, b: 2 * (a / 2 + b / 2),
    "sum of one": lambda a, b: a + b.unsqueeze(0).sum(0),
    "where by a mask": lambda a, b: torch.where(torch.tensor(True), a + b, a),
}


def _parts(layer: nn.Linear) -> tuple[Tensor, Tensor]:
    return layer.weight, layer.bias


def _addmm(layer: nn.Linear, x: Tensor) -> Tensor:
    weight, bias = _parts(layer)
    return torch.addmm(bias, x.flatten(0, -2), weight.T).unflatten(0, x.shape[:-1])


def _baddbmm(layer: nn.Linear, x: Tensor) -> Tensor:
    weight, bias = _parts(layer)
    flat = x.flatten(1, -2)
    return torch.baddbmm(bias.expand(len(flat), 1, -1), flat,
                         weight.T.expand(len(flat), -1, -1)).reshape(*x.shape[:-1], -1)


def _conv(layer: nn.Linear, x: Tensor) -> Tensor:
    weight, bias = _parts(layer)
    return F.conv1d(x.flatten(0, -2).unsqueeze(-1), weight.unsqueeze(-1), bias).reshape(
        *x.shape[:-1], -1)


def _halves(layer: nn.Linear, x: Tensor) -> Tensor:
    weight, bias = _parts(layer)
    k = x.shape[-1] // 2
    return x[..., :k] @ weight[:, :k].T + x[..., k:] @ weight[:, k:].T + bias


def _permutation(layer: nn.Linear, x: Tensor) -> Tensor:
    weight, bias = _parts(layer)
    order = torch.arange(x.shape[-1]).flip(0)
    return F.linear(x.index_select(-1, order), weight[:, order], bias)


def _rows(layer: nn.Linear, x: Tensor) -> Tensor:
    weight, bias = _parts(layer)
    return torch.cat([F.linear(x, row) for row in weight.split(1)], -1) + bias


LAYERS: dict[str, Layer] = {
    "F.linear": lambda layer, x: F.linear(x, layer.weight, layer.bias),
    "matmul": lambda layer, x: x @ layer.weight.T + layer.bias,
    "bias apart": lambda layer, x: F.linear(x, layer.weight) + layer.bias.clone(),
    "einsum": lambda layer, x: torch.einsum("...i,oi->...o", x, layer.weight) + layer.bias,
    "from the left": lambda layer, x: (
        layer.weight @ x.unsqueeze(-1)).squeeze(-1) + layer.bias,
    "addmm": _addmm,
    "baddbmm": _baddbmm,
    "tensordot": lambda layer, x: torch.tensordot(x, layer.weight, ([-1], [1])) + layer.bias,
    "product and sum": lambda layer, x: (x.unsqueeze(-2) * layer.weight).sum(-1) + layer.bias,
    "where and sum": lambda layer, x: torch.where(
        x.unsqueeze(-2) > 0, layer.weight, 0.0).sum(-1) + layer.bias,
    "conv1d": _conv,
    "halves": _halves,
    "permuted": _permutation,
    "rows": _rows,
    "twice the half": lambda layer, x: F.linear(x, layer.weight / 2) * 2 + layer.bias,
}


def _blocks(x: Tensor) -> Tensor:
    return x.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2))


def _patches(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return F.unfold(x, 2, stride=2).view(n, c, 4, -1).mean(2).view(n, c, h // 2, w // 2)


POOLS: dict[str, Spikes] = {
    "module": nn.AvgPool2d(2),
    "adaptive": lambda x: F.adaptive_avg_pool2d(x, x.shape[-1] // 2),
    "mean": lambda x: _blocks(x).mean((-3, -1)),
    "sum": lambda x: _blocks(x).sum((-3, -1)) / 4,
    "sum of 4": lambda x: (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2]
                           + x[..., 1::2, 1::2]) * 0.25,
    "lp_pool": lambda x: F.lp_pool2d(x, 1, 2) / 4,
    "relu before": lambda x: F.avg_pool2d(torch.relu(x), 2),
    "relu behind": lambda x: torch.relu(F.avg_pool2d(x, 2)),
    "unfold": _patches,
    "pad and pool": lambda x: F.avg_pool2d(F.pad(x, (2, 2, 2, 2)), 2)[..., 1:-1, 1:-1],
    "ceil_mode": lambda x: F.avg_pool2d(x, 2, ceil_mode=True),
    "without padding": lambda x: F.avg_pool2d(x, 2, count_include_pad=False),
}
