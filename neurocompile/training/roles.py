"""What each tensor of a model is: weights, additions, gains; and the values at which gains do nothing.

Gains are set to powers of two, BatchNorms to the identity, so that the weights alone carry what
lowering makes of all of them, and the float32 of PyTorch rounds nothing of it.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from neurocompile.ir.operators import same
from neurocompile.training.slots import operators
from neurocompile.training.template import STATISTICS, Floats, Template, Values


class Role(enum.Enum):
    """What a tensor is for."""

    WEIGHT = "weight"
    ADDITION = "addition"  # a bias
    GAIN = "gain"  # multiplies weights
    STATISTIC = "statistic"  # of a BatchNorm


@dataclass(frozen=True, eq=False)
class Roles:
    """The roles of a model's tensors, and its gains at values that do nothing, or little."""

    of: Mapping[str, Role]
    neutral: Values

    def having(self, role: Role) -> list[str]:
        """The tensors of a role, in their order."""
        return [name for name, own in self.of.items() if own is role]


def roles_of(module: nn.Module, template: Template, tensors: Values) -> Roles:
    """The roles of all tensors that have a place in the template."""
    roles: dict[str, Role] = {}
    neutral: dict[str, Floats] = {}
    modules = dict(module.named_modules())
    for name in (name for name in tensors if name in template.names):
        path, _, own = name.rpartition(".")
        owner = modules[path]
        if isinstance(owner, _BatchNorm):
            roles[name] = _role_in_batch_norm(owner, own)
            if own == "running_var":
                variance, gain = identity_of(owner.eps, affine=owner.weight is not None)
                neutral[name] = np.full_like(tensors[name], variance)
                neutral[f"{path}.weight"] = np.full_like(tensors[name], gain)
            elif own == "running_mean":
                neutral[name] = np.zeros_like(tensors[name])
        elif isinstance(owner, nn.Linear | _ConvNd) and own in ("weight", "bias"):
            roles[name] = Role.WEIGHT if own == "weight" else Role.ADDITION
        else:
            roles[name] = _role_by_trial(name, template, tensors)
            if roles[name] is Role.GAIN:
                neutral[name] = powers_of_two(tensors[name])
    return Roles(roles, {name: array for name, array in neutral.items() if name in tensors})


def _role_in_batch_norm(owner: _BatchNorm, name: str) -> Role:
    if name == "bias" or (name == "running_mean" and owner.bias is None):
        return Role.ADDITION
    return Role.STATISTIC if name in STATISTICS else Role.GAIN


def _role_by_trial(name: str, template: Template, tensors: Values) -> Role:
    """Whether operators change with a tensor; those of two axes or more that do are weights."""
    one, two = (operators(template.network({
        **tensors, name: np.full_like(tensors[name], value)})) for value in (1.0, 2.0))
    if one.keys() == two.keys() and all(same(one[slot], two[slot]) for slot in one):
        return Role.ADDITION
    return Role.WEIGHT if tensors[name].ndim > 1 else Role.GAIN


def powers_of_two(array: Floats) -> Floats:
    """The nearest powers of two, of the same signs; 0 stays 0."""
    safe = np.where(array == 0, 1.0, np.abs(array))
    return (np.sign(array) * 2.0 ** np.rint(np.log2(safe))).astype(np.float32)


def identity_of(epsilon: float, affine: bool) -> tuple[float, float]:
    """A variance and a gain with which a BatchNorm of mean 0 changes no number, in any precision.

    Without a gain of its own, it multiplies by a power of two.
    """
    for variance, gain in _candidates(epsilon, affine):
        exact = gain / math.sqrt(variance + float(np.float32(epsilon)))
        if math.frexp(exact)[0] == 0.5 and (exact == 1.0 or not affine) and _is_exact(
                variance, gain, epsilon, exact):
            return variance, gain
    return 1.0, 1.0


def _candidates(epsilon: float, affine: bool) -> Iterator[tuple[float, float]]:
    """Variances that float32 holds, whose sum with epsilon is the square of a short number."""
    small = float(np.float32(epsilon))
    for odd, power in itertools.product(range(1, 64 if affine else 2, 2), range(1, 24)):
        root = odd * 2.0**-power
        variance = root * root - small
        if variance >= 0 and float(np.float32(variance)) == variance:
            yield variance, root if affine else 1.0


def _is_exact(variance: float, gain: float, epsilon: float, factor: float) -> bool:
    """Whether torch multiplies whole numbers by just the factor."""
    x = torch.arange(-1000.0, 1000.0).reshape(1, 1, -1) * 1001
    one = torch.ones(1)
    y = F.batch_norm(x, 0 * one, variance * one, gain * one, 0 * one, eps=epsilon)
    return bool(torch.equal(y, x * factor))
