"""A model's layers, told by its own tensors: which of them carries the weights of which synapses.

For each layer one tensor carries all weights, gains are neutral (`roles`), and of a chain of linear
layers all but one are identities. Where that cannot be had, a layer is left as it is, and why is
said (NC621).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import lsqr
from torch import nn

from neurocompile.diagnostics import Diagnostic, Location
from neurocompile.ir.network import Network
from neurocompile.passes.lowering.lower import ONE
from neurocompile.training.roles import Role, Roles
from neurocompile.training.slots import Doubles, Slot, constants, operators, weights_as
from neurocompile.training.template import Floats, Template, Values
from neurocompile.training.trace import Numbering, Sum, Trace, Traces, trace

HOST = ("readout", "constant")  # what no chip computes
_AGREE = 1e-5  # relative: uses of one number that differ by less differ by float32 alone
_SUM = "its weights are sums or products of several numbers of the model"
_USES = "its numbers are used several times, with different gains"
_CONSTANT = "no tensor of the model carries its weights alone"


@dataclass(frozen=True, eq=False)
class Part:
    """Some tensors of a model, as one row of numbers, and the slots that are made of them."""

    numbering: Numbering
    of_slot: Mapping[Slot, Trace | Sum]
    network: Network  # of numbers that are not 0: the structure of all slots
    row: Doubles  # the numbers that make the float network

    def slots(self) -> Iterator[tuple[Slot, Trace | Sum]]:
        """The slots that vary with the numbers."""
        return ((slot, one) for slot, one in self.of_slot.items() if one.varies)


@dataclass(frozen=True, eq=False)
class Layers:
    """A model by the tensors that carry its weights and constants."""

    network: Network  # of the model as it is
    structure: Network  # the same, with a place for every weight
    base: Values  # all tensors; those of the parts are set by their rows
    weights: Part
    additions: Part
    findings: tuple[Diagnostic, ...]  # NC621 for each layer that is left as it is

    def values(self, weights: Doubles, additions: Doubles) -> dict[str, Floats]:
        """All tensors, for rows of numbers of both parts."""
        return {**self.base, **self.weights.numbering.tensors(weights),
                **self.additions.numbering.tensors(additions)}


def layers_of(template: Template, tensors: Values, roles: Roles,
              obstacles: Mapping[Slot, str]) -> Layers:
    """The layers of a model with these tensors; `obstacles`: why some are left as they are."""
    search = _Search(template, tensors, roles)
    for slot, reason in obstacles.items():
        search.keep(slot, reason)
    while True:
        weights = search.weights()
        additions = search.additions_beside(weights)
        if additions is not None:
            break
    layers = search.reasons.items()
    where = {p.name: p.where for p in search.network.populations}
    return Layers(
        search.network, weights.network, search.base(), weights, additions,
        tuple(Diagnostic("NC621", where.get(layer, Location(layer)), {
            "layer": layer, "reason": reason}) for layer, reason in layers))


class _Search:
    """The tensors that are left as they are, and those that are set, until all slots are right."""

    def __init__(self, template: Template, tensors: Values, roles: Roles) -> None:
        self.template, self.tensors, self.roles = template, tensors, roles
        self.network = template.network(tensors)
        self.kept: set[str] = set()
        self.neutral = dict(roles.neutral)
        self.carriers = set(roles.having(Role.WEIGHT))
        self.additions = set(roles.having(Role.ADDITION))
        self.reasons: dict[str, str] = {}  # by layer
        self._chains: dict[Slot, list[str]] = {}  # tensors that may carry a chain, not tried yet
        self._changes: dict[str, frozenset[Slot]] = {}

    def base(self) -> dict[str, Floats]:
        """All tensors: gains neutral and no additions, but where a layer is left as it is."""
        zeros = {name: np.zeros_like(self.tensors[name])
                 for name in self.roles.having(Role.ADDITION)}
        return {**self.tensors, **{name: array for name, array in (zeros | self.neutral).items()
                                   if name not in self.kept}}

    def weights(self) -> Part:
        """The tensors that carry weights, with their numbers."""
        while True:
            traces = trace(self.template, self.base(), self.carriers)
            row, failures = numbers(self.network, traces)
            self._mend({slot: reason for slot, reason in failures.items()
                        if slot.part != "readout"})
            open_readouts = [slot for slot in failures if slot.part == "readout"]
            heads = {name for slot in open_readouts for name in self._affecting(slot, self.carriers)
                     if all(one.part in HOST for one in self._changes[name])}
            self._leave(heads)
            if len(failures) == len(open_readouts) and not heads:
                return Part(traces.numbering, traces.of_slot, traces.network, row)

    def additions_beside(self, weights: Part) -> Part | None:
        """The tensors that carry constants, with their numbers; None where weights must change."""
        base = {**self.base(), **weights.numbering.tensors(weights.row)}
        everything = self.additions
        for names in (self._without_twins(), everything):
            self.additions = names
            part, failures = self._part_of_additions(base)
            if not failures:
                return part
        for slot, reason in failures.items():
            self.keep(slot, reason)
        return None

    def _part_of_additions(self, base: Values) -> tuple[Part, dict[Slot, str]]:
        """The additions with their numbers, and which slots of the chip they do not make."""
        sets = [trace(self.template, base, names) for names in self._apart()]
        numbering = Numbering.of(base, self.additions)
        of_slot: dict[Slot, Sum] = {}
        failures: dict[Slot, str] = {}
        for slot in constant_slots(self.network):
            traces = [one.of_slot.get(slot) for one in sets]
            exact = [one for one in traces if one is not None]
            if len(exact) == len(traces):
                of_slot[slot] = Sum.of([_with_numbers_of(one, traces_of.numbering, numbering)
                                        for one, traces_of in zip(exact, sets, strict=True)],
                                       numbering.size)
            else:
                failures[slot] = _SUM
        row, more = sums(self.network, sets[0].network, of_slot, numbering.size)
        network = self.template.network({**base, **numbering.tensors(np.ones(numbering.size))})
        failures |= more
        return Part(numbering, {slot: one for slot, one in of_slot.items() if slot not in failures},
                    network, row), {slot: reason for slot, reason in failures.items()
                                    if slot.part not in HOST}

    def _without_twins(self) -> set[str]:
        """The additions but those that reach what a later one reaches: a bias before a BatchNorm."""
        last: dict[tuple[int, frozenset[Slot]], str] = {}
        for name in [name for name in self.roles.of if name in self.additions]:
            self._affecting(Slot("", ""), [name])
            last[self.tensors[name].size, self._changes[name]] = name
        return set(last.values())

    def _apart(self) -> list[list[str]]:
        """The additions in sets, none of whose slots gets two of one set."""
        groups: list[list[str]] = []
        for name in [name for name in self.roles.of if name in self.additions]:
            free = (group for group in groups if not any(
                self._changes[name] & self._changes[other] for other in group))
            group = next(free, None)
            if group is None:
                groups.append([name])
            else:
                group.append(name)
        return groups or [[]]

    def _mend(self, failures: Mapping[Slot, str]) -> None:
        """Another choice for the slots that failed."""
        in_use: set[str] = set()
        for slot, reason in failures.items():
            gains = self._affecting(slot, set(self.roles.having(Role.GAIN)) - self.carriers)
            chain = self._affecting(slot, self.roles.having(Role.WEIGHT))
            if in_use.intersection(gains + chain):
                continue
            in_use.update(gains + chain)
            if reason == _CONSTANT and gains and not chain:
                self.carriers |= set(gains)
            elif reason == _USES or not self._next_of_chain(slot, chain):
                self.keep(slot, reason)

    def _next_of_chain(self, slot: Slot, chain: list[str]) -> bool:
        """Let the next tensor of a chain carry it, the others being identities."""
        if slot not in self._chains:
            self._chains[slot] = sorted(chain, key=lambda name: self.tensors[name].size)
        for name in chain:
            self.neutral.pop(name, None)
        self.carriers |= set(chain)
        if len(chain) < 2 or not self._chains[slot]:
            return False
        carrier = self._chains[slot].pop()
        for name in set(chain) - {carrier}:
            self.neutral[name] = _identity(self.tensors[name])
            self.carriers.remove(name)
        return True

    def _affecting(self, slot: Slot, names: Iterable[str]) -> list[str]:
        """Those of the tensors on which a slot depends and that are not left as they are."""
        in_order = [name for name in self.roles.of if name in names and name not in self.kept]
        for name in in_order:
            if name not in self._changes:
                other = self.template.network({
                    **self.tensors, name: self.tensors[name] * 2 + np.float32(0.125)})
                self._changes[name] = frozenset(_differing(self.network, other))
        return [name for name in in_order if slot in self._changes[name]]

    def keep(self, slot: Slot, reason: str) -> None:
        """Leave the layer of a slot as it is: all tensors on which it depends."""
        names = set(self._affecting(slot, list(self.roles.of)))
        self._leave(names)
        self.reasons[slot.target] = reason

    def _leave(self, names: set[str]) -> None:
        """Leave tensors as they are, those of a BatchNorm together."""
        norms = {name.rpartition(".")[0] for name in names if self.roles.of[name] in (
            Role.GAIN, Role.STATISTIC)}
        self.kept |= names | {name for name in self.roles.of if name.rpartition(".")[0] in norms}
        self.carriers -= self.kept
        self.additions -= self.kept


def numbers(network: Network, traces: Traces) -> tuple[Doubles, dict[Slot, str]]:
    """The numbers with which traces make a network's weights, and which slots they do not make."""
    values = _weights(network, traces.network)
    failures: dict[Slot, str] = {}
    total, count = np.zeros(traces.numbering.size), np.zeros(traces.numbering.size)
    uses: list[tuple[Slot, Trace, Doubles]] = []
    for slot in sorted(slot for slot in operators(network) if slot.source != ONE):
        one = traces.of_slot.get(slot)
        if one is None or slot not in values:
            failures[slot] = _SUM
            continue
        fixed = one.number < 0
        if not np.allclose(values[slot][fixed], one.offset[fixed], rtol=_AGREE, atol=1e-12):
            failures[slot] = _CONSTANT
            continue
        number = one.number[~fixed]
        array = (values[slot][~fixed] - one.offset[~fixed]) / one.factor[~fixed]
        np.add.at(total, number, array)
        np.add.at(count, number, 1)
        uses.append((slot, one, array))
    row = total / np.maximum(count, 1)
    for slot, one, array in uses:
        expected = row[one.number[one.number >= 0]]
        if not np.allclose(array, expected, rtol=_AGREE, atol=_AGREE * np.abs(array).max(initial=0)):
            failures[slot] = _USES
    return row, failures


def sums(network: Network, structure: Network, of_slot: Mapping[Slot, Sum], size: int
         ) -> tuple[Doubles, dict[Slot, str]]:
    """The numbers of which sums make a network's constants, and which slots they do not make."""
    values = constants(network) | _weights(network, structure)
    parts = [slot for slot in of_slot if slot in values]
    failures = {slot: _CONSTANT for slot in of_slot if slot not in values}
    if not parts:
        return np.zeros(size), failures
    matrix = sp.csr_array(sp.vstack([of_slot[slot].matrix for slot in parts]))
    array = np.concatenate([values[slot] - of_slot[slot].offset for slot in parts])
    row = np.asarray(lsqr(matrix, array, atol=1e-14, btol=1e-14, iter_lim=10_000)[0], np.float64)
    for slot in parts:
        reach = float(np.abs(values[slot]).max(initial=0.0))
        if not np.allclose(of_slot[slot].values(row), values[slot], rtol=_AGREE,
                           atol=_AGREE * reach):
            failures[slot] = _CONSTANT
    return row, failures


def _weights(network: Network, structure: Network) -> dict[Slot, Doubles]:
    """A network's weights in the places that another has."""
    pattern = operators(structure)
    arrays = {slot: weights_as(operator, pattern[slot]) for slot, operator in
              operators(network).items() if slot in pattern}
    return {slot: array for slot, array in arrays.items() if array is not None}


def constant_slots(network: Network) -> list[Slot]:
    """The constant currents of a network, the constants of its readouts."""
    return sorted([*constants(network), *(s for s in operators(network) if s.source == ONE)])


def _with_numbers_of(one: Trace, own: Numbering, whole: Numbering) -> Trace:
    """A trace in the numbers of some tensors, in those of more."""
    names = list(own.starts)
    shift = np.zeros(own.size + 1, np.int64)
    for name in names:
        shift[own.of_tensor(name)] = whole.starts[name] - own.starts[name]
    return replace(one, number=np.where(one.number >= 0, one.number + shift[one.number], -1))


def _identity(array: Floats) -> Floats:
    """The identity of a linear layer or a convolution, cut or filled with zeros to a shape."""
    eye = torch.zeros(array.shape)
    if array.ndim == 2:
        nn.init.eye_(eye)
    else:
        nn.init.dirac_(eye)
    return np.asarray(eye.numpy())


def _differing(before: Network, after: Network) -> Iterator[Slot]:
    """The slots whose numbers differ."""
    old, new = operators(before), operators(after)
    for slot, operator in old.items():
        weights = weights_as(new[slot], operator) if slot in new else None
        if weights is None or not np.array_equal(weights, operator.weights.reshape(-1)):
            yield slot
    arrays = constants(after)
    yield from (slot for slot, array in constants(before).items()
                if not np.array_equal(array, arrays[slot]))
