"""Linear operators as functions of their weights, in torch: what training differentiates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from neurocompile.ir.operators import Conv, Dense, Einsum, Operator, Part, Restriction

WeightedMap = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Flat weights and values [rows, sources] to values [rows, targets]."""


def weighted_map(operator: Operator, device: str) -> WeightedMap:
    """The operator with its weights left open."""
    if isinstance(operator, Conv):
        return _convolution(operator)
    if isinstance(operator, Dense):
        shape = operator.weight.shape
        return lambda weights, x: F.linear(x, weights.reshape(shape))
    if isinstance(operator, Part):
        return _part(operator, device)
    if isinstance(operator, Restriction):
        return _restriction(operator, device)
    if isinstance(operator, Einsum):
        return _einsum(operator)
    coo = operator.matrix().tocoo()
    places = torch.as_tensor(np.stack(coo.coords).astype(np.int64), device=device)
    return lambda weights, x: torch.sparse.mm(
        torch.sparse_coo_tensor(places, weights, coo.shape, check_invariants=False), x.T).T


def _convolution(conv: Conv) -> WeightedMap:
    shape = conv.weight.shape

    def convolve(weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        y = F.conv2d(x.reshape(-1, *conv.in_shape), weights.reshape(shape), None, conv.stride,
                     conv.padding, conv.dilation, conv.groups)
        return y.reshape(len(x), -1)
    return convolve


def _part(part: Part, device: str) -> WeightedMap:
    inner = weighted_map(part.inner, device)
    around = part.outs.start, part.out_size - part.outs.stop
    return lambda weights, x: F.pad(inner(weights, x[:, part.ins]), around)


def _restriction(operator: Restriction, device: str) -> WeightedMap:
    inner = weighted_map(operator.inner, device)
    ins, outs = (torch.as_tensor(index, device=device) for index in (operator.ins, operator.outs))

    def select(weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        full = x.new_zeros(len(x), operator.inner.in_size).index_copy(1, ins, x)
        return inner(weights, full)[:, outs]
    return select


def _einsum(operator: Einsum) -> WeightedMap:
    rows = len(operator.sizes)
    outs = [a for a in operator.outs if a in operator.ins or a in operator.axes]
    thin = [operator.sizes[a] if a in outs else 1 for a in operator.outs]

    def contract(weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        grid = x.reshape(-1, *operator.lengths(operator.ins))
        y = torch.einsum(grid, [rows, *operator.ins], weights.reshape(operator.weight.shape),
                         [*operator.axes], [rows, *outs])
        wide = y.reshape(-1, *thin).expand(-1, *operator.lengths(operator.outs))
        return wide.reshape(len(x), -1)
    return contract
