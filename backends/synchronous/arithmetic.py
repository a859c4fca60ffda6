"""Exact integer linear maps on any device: the cheapest arithmetic that a bound proves exact.

float32 holds every integer below 2**24, float64 below 2**53; if the sum of a target's absolute
weights times the largest spike stays below, every partial sum is exact in any order. A self-test
against int64 guards against kernels that do not add integers exactly (Winograd, TF32).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.ir.operators import Conv, Dense, Einsum, Operator, Part, Restriction

EXACT_BELOW = {torch.float32: 1 << 24, torch.float64: 1 << 53}
_TEST_TARGETS = 64

LinearMap = Callable[[torch.Tensor], torch.Tensor]  # [rows, sources] -> [rows, targets]


def float_map(operator: Operator, dtype: torch.dtype, device: str) -> LinearMap:
    """The operator in floating point: [rows, in_size] -> [rows, out_size]."""
    if isinstance(operator, Conv):
        conv = operator
        kernel = torch.as_tensor(np.asarray(conv.weight), dtype=dtype, device=device)

        def convolve(x: torch.Tensor) -> torch.Tensor:
            y = F.conv2d(x.reshape(-1, *conv.in_shape), kernel, None, conv.stride, conv.padding,
                         conv.dilation, conv.groups)
            return y.reshape(len(x), -1)
        return convolve
    if isinstance(operator, Dense):
        weight = torch.as_tensor(np.asarray(operator.weight), dtype=dtype, device=device)
        return lambda x: F.linear(x, weight)
    if isinstance(operator, Part):
        return _part_map(operator, dtype, device)
    if isinstance(operator, Restriction):
        return _selected_map(operator, dtype, device)
    if isinstance(operator, Einsum):
        return _einsum_map(operator, dtype, device)
    coo = operator.matrix().tocoo()
    sparse = torch.sparse_coo_tensor(
        torch.as_tensor(np.stack(coo.coords).astype(np.int64)),
        torch.as_tensor(np.asarray(coo.data), dtype=dtype), size=coo.shape, device=device,
        check_invariants=True).coalesce()
    return lambda x: torch.matmul(sparse, x.T).T


def _part_map(part: Part, dtype: torch.dtype, device: str) -> LinearMap:
    inner = float_map(part.inner, dtype, device)
    around = part.outs.start, part.out_size - part.outs.stop
    return lambda x: F.pad(inner(x[:, part.ins]), around)


def _selected_map(operator: Restriction, dtype: torch.dtype, device: str) -> LinearMap:
    inner = float_map(operator.inner, dtype, device)
    ins, outs = (torch.as_tensor(index, device=device) for index in (operator.ins, operator.outs))

    def select(x: torch.Tensor) -> torch.Tensor:
        full = x.new_zeros(len(x), operator.inner.in_size)
        full[:, ins] = x
        return inner(full)[:, outs]
    return select


def _einsum_map(operator: Einsum, dtype: torch.dtype, device: str) -> LinearMap:
    weight = torch.tensor(operator.weight, dtype=dtype, device=device)
    rows = len(operator.sizes)
    outs = [a for a in operator.outs if a in operator.ins or a in operator.axes]
    thin = [operator.sizes[a] if a in outs else 1 for a in operator.outs]

    def contract(x: torch.Tensor) -> torch.Tensor:
        grid = x.reshape(-1, *operator.lengths(operator.ins))
        y = torch.einsum(grid, [rows, *operator.ins], weight, [*operator.axes], [rows, *outs])
        wide = y.reshape(-1, *thin).expand(-1, *operator.lengths(operator.outs))
        return wide.reshape(len(x), -1)
    return contract


def integer_map(operator: Operator, largest: int, device: str, where: Location,
                smallest: int = 0) -> LinearMap:
    """The operator over integers smallest..largest, exact: int64 in, int64 out.

    Raises UsageError (NC303) when a sum could leave float64's exact range.
    """
    low, high = operator.bounds()
    reach = max(largest, -smallest)
    bound = int(max(np.max(-low, initial=0), np.max(high, initial=0))) * reach
    absolute = int((high - low).max(initial=0)) * reach
    for dtype, limit in EXACT_BELOW.items():
        if dtype is torch.float32 and device != "cpu" and isinstance(operator, Conv):
            continue  # cuDNN may choose TF32 or Winograd
        if absolute < limit:
            linear = _in_integers(float_map(operator, dtype, device), dtype)
            if _self_test(operator, linear, smallest, largest, device):
                return linear
    raise UsageError(Diagnostic("NC303", where, {
        "module": where.module, "needed": bound, "register": "an exact sum",
        "target": "the reference", "limit": EXACT_BELOW[torch.float64]}))


def _in_integers(linear: LinearMap, dtype: torch.dtype) -> LinearMap:
    return lambda x: linear(x.to(dtype)).to(torch.int64)


def _self_test(operator: Operator, linear: LinearMap, smallest: int, largest: int,
               device: str) -> bool:
    """Whether a few targets agree with int64 on random and on all-maximal inputs."""
    rng = np.random.default_rng(0)
    x = rng.integers(smallest, largest + 1, size=(2, operator.in_size))
    x[1] = largest
    targets = np.unique(np.linspace(0, operator.out_size - 1, _TEST_TARGETS).astype(np.int64))
    expected = (operator.rows(targets).astype(np.int64) @ x.T).T
    sums = linear(torch.as_tensor(x, device=device))[:, torch.as_tensor(targets)]
    return bool(np.array_equal(sums.cpu().numpy(), expected))
