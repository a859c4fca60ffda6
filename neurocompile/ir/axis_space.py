"""Atoms of axes while a Graph is walked: numbered, split and unified as operators demand."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from neurocompile.ir.graph import constant

Dims = tuple[tuple[int, ...], ...]  # atom numbers per dimension


class Role(enum.Enum):
    """What an atom counts."""

    TIME = "time"
    BATCH = "batch"
    DATA = "data"
    UNKNOWN = "unknown"  # reaches no neuron


@dataclass(frozen=True, slots=True)
class Conflict:
    """A node whose operands disagree about an axis, or that breaks time or batch apart."""

    node: ir.Node
    reason: str
    roles: frozenset[Role]  # the roles that met


def shape_of(value: ir.Value | None) -> tuple[int, ...] | None:
    """The static shape of a value, or None."""
    if value is None or value.shape is None or not value.shape.is_static():
        return None
    return tuple(int(size) for size in value.shape)  # type: ignore[arg-type]


def integers(value: ir.Value | None) -> list[int] | None:
    """A constant's values as integers, flat; None if it is not constant."""
    array = constant(value)
    return None if array is None else [int(item) for item in array.reshape(-1)]


@dataclass(slots=True)
class Space:
    """Atoms while a graph is walked: numbered, split and unified as operators demand."""

    tick_of: dict[str, int]
    sizes: list[int] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    becomes: dict[int, tuple[int, ...]] = field(default_factory=dict)  # split or unified
    dims: dict[str, Dims | None] = field(default_factory=dict)
    ticks: dict[str, frozenset[int]] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    tick_axes: frozenset[tuple[str, int]] = frozenset()  # (value, axis) that a loop cuts into ticks
    time: dict[int, int] = field(default_factory=dict)  # ticks -> the time atom of that size
    batch: tuple[int, ...] = ()  # the batch atom; none for a batch of 1
    has_batch: bool = False  # whether an axis is known to be it

    @property
    def n_ticks(self) -> int:
        """Ticks of the unrolled loop, 0 without one."""
        return max(self.tick_of.values(), default=-1) + 1

    # -- atoms -----------------------------------------------------------------------------

    def fresh(self, size: int, role: Role = Role.UNKNOWN) -> tuple[int, ...]:
        """A new axis: one atom, or none for size 1."""
        if size == 1:
            return ()
        self.sizes.append(size)
        self.roles.append(role)
        return (len(self.sizes) - 1,)

    def fresh_like(self, shape: Sequence[int] | None, role: Role = Role.UNKNOWN) -> Dims | None:
        """New axes for a shape."""
        return None if shape is None else tuple(self.fresh(size, role) for size in shape)

    def time_axis(self, size: int) -> tuple[int, ...]:
        """The time axis of that many ticks, the same one for the whole graph."""
        if size == 1:
            return ()
        if size not in self.time:
            (self.time[size],) = self.fresh(size, Role.TIME)
        return (self.time[size],)

    def resolve(self, atoms: Sequence[int]) -> tuple[int, ...]:
        """Atoms as they stand now, after splits and unifications."""
        result: list[int] = []
        stack = list(reversed(atoms))
        while stack:
            atom = stack.pop()
            if atom in self.becomes:
                stack.extend(reversed(self.becomes[atom]))
            else:
                result.append(atom)
        return tuple(result)

    def roles_of(self, atoms: Sequence[int]) -> frozenset[Role]:
        """The roles met in an axis."""
        return frozenset(self.roles[atom] for atom in self.resolve(atoms))

    def size_of(self, atoms: Sequence[int]) -> int:
        """Length of an axis."""
        return math.prod(self.sizes[atom] for atom in self.resolve(atoms))

    def split(self, atom: int, outer: int) -> bool:
        """Split an atom into `outer` times the rest. Time and batch never split."""
        size, role = self.sizes[atom], self.roles[atom]
        if role in (Role.TIME, Role.BATCH) or size % outer or atom in self.becomes:
            return False
        self.becomes[atom] = (*self.fresh(outer, role), *self.fresh(size // outer, role))
        return True

    def unify(self, first: Sequence[int], second: Sequence[int]) -> bool:
        """Make two axes of equal length one. False where time or batch meets something else."""
        one, two = list(self.resolve(first)), list(self.resolve(second))
        if self.size_of(one) != self.size_of(two):
            return False
        while one and two:
            a, b = one[0], two[0]
            if a == b or self.sizes[a] == self.sizes[b]:
                if not self._join(a, b):
                    return False
                one, two = list(self.resolve(one[1:])), list(self.resolve(two[1:]))
                continue
            larger = a if self.sizes[a] > self.sizes[b] else b
            if not self.split(larger, min(self.sizes[a], self.sizes[b])):
                return {self.roles[a], self.roles[b]} <= {Role.DATA, Role.UNKNOWN}
            one, two = list(self.resolve(one)), list(self.resolve(two))
        return True

    def _join(self, a: int, b: int) -> bool:
        if a == b:
            return True
        first, second = self.roles[a], self.roles[b]
        if Role.UNKNOWN not in (first, second):
            if first is second is not Role.DATA:
                self.becomes[b] = (a,)
            return first is second
        atom, other = (b, a) if first is Role.UNKNOWN else (a, b)
        self.becomes[other] = (atom,)
        return True

    def name(self, atoms: Sequence[int], role: Role) -> bool:
        """Give unknown atoms a role. False where another role was known."""
        good = True
        for atom in self.resolve(atoms):
            if self.roles[atom] is Role.UNKNOWN:
                self.roles[atom] = role
            good = good and self.roles[atom] is role
        return good

    # -- values ----------------------------------------------------------------------------

    def is_dynamic(self, value: ir.Value | None) -> bool:
        """Whether a value depends on the model's input or on a neuron."""
        return value is not None and value.name in self.dims

    def get(self, value: ir.Value | None) -> Dims | None:
        """The layout of a value as it stands now."""
        dims = None if value is None or value.name is None else self.dims.get(value.name)
        return None if dims is None else tuple(self.resolve(atoms) for atoms in dims)

    def set(self, value: ir.Value, dims: Dims | None) -> None:
        """Set the layout of a value; a layout that does not fit its shape becomes None."""
        if value.name is None:
            return
        shape = shape_of(value)
        if dims is not None and shape is not None and (
                len(shape) != len(dims)
                or any(self.size_of(d) != n for d, n in zip(dims, shape, strict=True))):
            dims = None
        self.dims[value.name] = dims

    def conflict(self, node: ir.Node, reason: str, *axes: Sequence[int]) -> None:
        """Record that a node's operands disagree about an axis."""
        roles = frozenset[Role]().union(*(self.roles_of(atoms) for atoms in axes))
        self.conflicts.append(Conflict(node, reason, roles))

    def regroup(self, atoms: Sequence[int], shape: Sequence[int]) -> Dims | None:
        """The atoms in row-major order, cut into dimensions of these sizes."""
        dims: list[tuple[int, ...]] = []
        rest = list(self.resolve(atoms))
        for size in shape:
            own: list[int] = []
            room = size
            while room > 1 and rest:
                rest[:1] = self.resolve(rest[:1])
                atom = rest[0]
                if room % self.sizes[atom] == 0:
                    own.append(rest.pop(0))
                    room //= self.sizes[atom]
                elif self.sizes[atom] % room == 0 and self.split(atom, room):
                    continue
                else:
                    return self._recut(self.resolve(atoms), shape)
            if room != 1:
                return None
            dims.append(tuple(own))
        return tuple(dims)

    def _recut(self, atoms: Sequence[int], shape: Sequence[int]) -> Dims | None:
        """Where sizes do not divide: atoms that lie inside one new axis stay, the rest is new data.

        None if time or batch would be cut. An atom lies at its stride in the flat order.
        """
        strides = _strides([self.sizes[atom] for atom in atoms])
        rest = {atom for atom in atoms if self.roles[atom] in (Role.TIME, Role.BATCH)}
        dims: list[tuple[int, ...]] = []
        for size, start in zip(shape, _strides(shape), strict=True):
            own: list[int] = []  # innermost first
            at, end = start, start * size
            for atom, stride in reversed(list(zip(atoms, strides, strict=True))):
                stop = stride * self.sizes[atom]
                if stride >= at and stop <= end and not stride % at and not end % stop:
                    own.extend((*self._gap(atoms, strides, at, stride), atom))
                    at = stop
            own.extend(self._gap(atoms, strides, at, end))
            rest -= set(own)
            dims.append(tuple(reversed(own)))
        return None if rest else tuple(dims)

    def _gap(self, atoms: Sequence[int], strides: Sequence[int], start: int,
             end: int) -> tuple[int, ...]:
        """A new atom between two strides; data where it covers data."""
        inside = [atom for atom, stride in zip(atoms, strides, strict=True)
                   if stride < end and stride * self.sizes[atom] > start]
        data = any(self.roles[atom] is Role.DATA for atom in inside)
        return self.fresh(end // start, Role.DATA if data else Role.UNKNOWN)


def _strides(sizes: Sequence[int]) -> list[int]:
    """Elements per step of each axis, in row-major order."""
    return [math.prod(sizes[position + 1:]) for position in range(len(sizes))]
