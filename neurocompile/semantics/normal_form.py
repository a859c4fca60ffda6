"""The normal form: what of a neuron's equations decides its spikes in exact arithmetic.

A chip's neuron is `u = alpha u + x`, `v = decay v + u`, a threshold and a reset. `normal_form`
reads these out of any equations by evaluating them on exact affine forms (fractions), once for
each outcome of their comparisons; what has no such form is refused with the reason. So a new class
of neuron needs its equations, and nothing else.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from neurocompile.semantics.equations import COMPARISONS, INPUTS, SHIFT_ONE, STATES
from neurocompile.semantics.floating import Constants, Profile
from neurocompile.semantics.reset import Reset

ZERO, ONE = Fraction(0), Fraction(1)
OR, AND = "OR", "AND"  # models of gates (`passes.lowering.gates`)
SUM = "SUM"  # that of accumulators, which never fire


class NoNormalForm(ValueError):
    """The neuron has no such form; the text says why."""


@dataclass(frozen=True, slots=True)
class FloatNeuron:
    """Normal form: `u = alpha u + x` (if alpha), `v = decay v + u`, fire above `v_th`, reset to 0.

    The soft resets subtract `v_th`. `strict`: fires on v > v_th, else on v >= v_th. With a
    `quantum`, decayed states are rounded toward zero to whole multiples of it.
    """

    model: str
    decay: float
    v_th: float
    strict: bool
    reset: Reset
    alpha: float | None = None
    quantum: float | None = None

    @property
    def gate(self) -> bool:
        """Whether it decides a count of spikes, which rounded weights would change."""
        return self.model in (OR, AND)


@dataclass(frozen=True, slots=True)
class NormalForm:
    """A neuron in normal form, and what turns the model's into it."""

    neuron: FloatNeuron
    gain: float  # of x
    offset: float = 0.0  # added in every tick
    rest: float = 0.0  # the model's v that is 0 here, where a sample must start
    gain_y: float = 0.0  # of y
    direct_y: bool = False  # y is added to v beside the synaptic current


Affine = dict[str, Fraction]  # coefficients of inputs, states and "1"


@dataclass(frozen=True, slots=True)
class _Test:
    """A comparison `value > 0` or `value >= 0`, with its outcome in this branch."""

    value: Affine
    strict: bool
    outcome: int


class _Branch:
    """Affine arithmetic in which the comparisons come out as given."""

    def __init__(self, outcomes: Sequence[int]) -> None:
        self.outcomes = outcomes
        self.tests: list[_Test] = []
        self.quantum: float | None = None  # 1: the states are whole numbers

    def number(self, value: float) -> Affine:
        return _constant(Fraction(value))

    def apply(self, op: str, *operands: Affine) -> Affine:
        if op in ("trunc", "floor"):  # of states, which are whole numbers on a chip
            return operands[0]
        if op == "neg":
            return _times(operands[0], -ONE)
        if op in ("add", "sub"):
            return _plus(operands[0], operands[1], ONE if op == "add" else -ONE)
        if op in ("mul", "div"):
            return _product(op, *operands)
        if op == "shifted":
            self.quantum = 1.0
            return _product("mul", operands[0], _times(operands[1], Fraction(1, SHIFT_ONE)))
        if op == "rounded":  # the chip holds whole numbers anyway
            return operands[0]
        if op in COMPARISONS:
            return self._comparison(op, _plus(operands[0], operands[1], -ONE))
        raise NoNormalForm(f"`{op}` is not affine")

    def _comparison(self, op: str, difference: Affine) -> Affine:
        constant = not difference.keys() - {"1"}  # in this branch it is a number
        truth = int(getattr(operator, op)(difference.get("1", ZERO), ZERO)) if constant else 0
        if op == "eq":
            if not constant:
                raise NoNormalForm("it asks whether its state equals a number")
            return _constant(Fraction(truth))
        value = difference if op in ("gt", "ge") else _times(difference, -ONE)
        outcome = truth
        if not constant and len(self.tests) < len(self.outcomes):
            outcome = self.outcomes[len(self.tests)]
        self.tests.append(_Test(value, op in ("gt", "lt"), outcome))
        return _constant(Fraction(outcome))


def _constant(value: Fraction) -> Affine:
    return {"1": value} if value else {}


def _plus(a: Affine, b: Affine, sign: Fraction) -> Affine:
    total = {k: a.get(k, ZERO) + sign * b.get(k, ZERO) for k in a.keys() | b.keys()}
    return {k: c for k, c in total.items() if c}


def _times(a: Affine, factor: Fraction) -> Affine:
    return {k: c * factor for k, c in a.items() if c * factor}


def _product(op: str, a: Affine, b: Affine) -> Affine:
    if op == "mul" and not a.keys() - {"1"}:
        a, b = b, a
    if b.keys() - {"1"}:
        raise NoNormalForm("it multiplies states or inputs by each other")
    factor = b.get("1", ZERO)
    if op == "div":
        if not factor:
            raise NoNormalForm("it divides by zero")
        factor = 1 / factor
    return _times(a, factor)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One branch: its comparisons, of which the last is `s`, and the states after it."""

    tests: tuple[_Test, ...]
    u: Affine
    v: Affine
    quantum: float | None

    @property
    def values(self) -> tuple[Affine, ...]:
        """All that spikes depend on."""
        return (self.u, self.v, *(test.value for test in self.tests))


def normal_form(profile: Profile, constants: Constants) -> NormalForm:
    """The normal form of a profile with these constants. Raises NoNormalForm."""
    if profile.model == "LI":
        raise NoNormalForm("it emits its membrane potential, not spikes")
    count = len(_branch(profile, constants, ()).tests)
    if not 1 <= count <= 2:
        raise NoNormalForm(f"it compares {count} times in a tick")
    branches = {outcomes: _branch(profile, constants, outcomes)
                for outcomes in itertools.product((0, 1), repeat=count)}
    first = branches[(0,) * count]
    if any(b.u != first.u for b in branches.values()):
        raise NoNormalForm("a spike changes its synaptic current")
    v_th = _threshold(first)
    read_reset = _reset_of_own_spike if count == 1 else _reset_of_past_spike
    reset, rest = read_reset(branches, v_th)
    return _assemble(profile, first, v_th, reset, rest)


def _branch(profile: Profile, constants: Constants, outcomes: tuple[int, ...]) -> _Outcome:
    branch = _Branch(outcomes)
    values: dict[str, Any] = {name: {name: ONE} for name in (*INPUTS, *profile.states)}
    values.update({n: _constant(Fraction(constants[n])) for n in profile.constants})
    try:
        after = profile.equations.run(values, branch)
    except NoNormalForm:
        if profile.equations.binary:
            raise
        raise NoNormalForm("it can emit more than one spike in a tick") from None
    if not branch.tests or after["s"] != _constant(Fraction(branch.tests[-1].outcome)):
        raise NoNormalForm("it can emit more than one spike in a tick")
    outcome = _Outcome(tuple(branch.tests), after["u"], after["v"], branch.quantum)
    for name in profile.states:
        if name not in STATES and any(name in value for value in outcome.values):
            raise NoNormalForm(f"its state `{name}` decides when it fires")
    return outcome


def _threshold(branch: _Outcome) -> Fraction:
    """What v, if nothing fires, is compared with."""
    v, test = branch.v, branch.tests[-1].value
    ratios = {test.get(k, ZERO) / v[k] for k in v.keys() - {"1"}}
    if len(ratios) != 1 or test.keys() - v.keys() - {"1"} or next(iter(ratios)) <= 0:
        raise NoNormalForm("what it compares with the threshold is not its membrane potential")
    return v.get("1", ZERO) - test.get("1", ZERO) / ratios.pop()


def _reset_of_own_spike(branches: Mapping[tuple[int, ...], _Outcome], v_th: Fraction
               ) -> tuple[Reset, Fraction]:
    """The reset in the tick of the spike, and what it resets to."""
    quiet, spiking = branches[0,].v, branches[1,].v
    if spiking == quiet:
        return Reset.NONE, ZERO
    if not spiking.keys() - {"1"}:
        return Reset.HARD, spiking.get("1", ZERO)
    if _plus(quiet, spiking, -ONE) == _constant(v_th):
        return Reset.SOFT, ZERO
    raise NoNormalForm("its reset neither sets v to a number nor subtracts the threshold")


def _reset_of_past_spike(branches: Mapping[tuple[int, ...], _Outcome], v_th: Fraction
             ) -> tuple[Reset, Fraction]:
    """The reset where a tick also compares the v before it, and what it resets to."""
    past, now = branches[0, 0].tests
    scale = past.value.get("v", ZERO)
    if scale <= 0 or past.strict != now.strict or (
            past.value != _plus({"v": scale}, _constant(scale * v_th), -ONE)):
        raise NoNormalForm("its two comparisons are not of v in two ticks with one threshold")
    if any(branches[r, 0].v != branches[r, 1].v for r in (0, 1)):
        after = branches[0, 1].v
        rest = after.get("1", ZERO)
        if not after.keys() - {"1"} and (rest < v_th or (past.strict and rest == v_th)):
            return Reset.HARD, rest  # at once: v is never found above the threshold
        raise NoNormalForm("a spike acts on v in its own tick and in the next")
    quiet, spiking = branches[0, 0].v, branches[1, 0].v
    change, decay = _plus(quiet, spiking, -ONE), quiet.get("v", ZERO)
    if not change:
        return Reset.NONE, ZERO
    if change == _constant(v_th):
        return Reset.SOFT_DELAYED, ZERO
    if change == _constant(decay * v_th):
        return Reset.SOFT, ZERO
    if not spiking:
        return Reset.HARD_DELAYED, ZERO
    if not change.keys() - {"v", "1"} and change.get("v") == decay:
        return Reset.HARD, -change.get("1", ZERO) / decay
    raise NoNormalForm("its reset neither sets v to a number nor subtracts the threshold")


def _assemble(profile: Profile, quiet: _Outcome, v_th: Fraction, reset: Reset,
               rest: Fraction) -> NormalForm:
    u, v = quiet.u, quiet.v
    decay, gain, gain_y = (v.get(k, ZERO) for k in ("v", "x", "y"))
    if not gain:
        raise NoNormalForm("its input does not reach v in the same tick")
    alpha: float | None = None
    direct_y = "u" in v and bool(gain_y) and "y" not in u
    if "u" in v:
        keep = u.get("u", ZERO)
        through = (("x", gain), ("y", ZERO if direct_y else gain_y))
        if u.keys() - {"u", "x", "y"} or any(
                v["u"] * u.get(k, ZERO) != keep * g for k, g in through):
            raise NoNormalForm("its synaptic current is not one low-pass filter of its input")
        alpha = float(keep)
    neuron = FloatNeuron(profile.model, float(decay), float(v_th - rest), quiet.tests[-1].strict,
                         reset, alpha, quiet.quantum)
    offset = v.get("1", ZERO) + decay * rest - rest
    if offset and alpha is not None:
        raise NoNormalForm("its potential drifts beside what its synaptic current does")
    return NormalForm(neuron, float(gain), float(offset), float(rest), float(gain_y),
                      direct_y)
