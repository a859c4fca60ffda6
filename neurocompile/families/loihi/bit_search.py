"""Bits of the weights into each population: as told, or the fewest that keep the answers.

A path of choices starts at the most bits everywhere and takes bits where they save most memory for the
least error of currents. Errors are relative to the currents, on the float network's spikes; they are
measured with every population at each number of bits. The furthest choice on the path is taken with
which the integer network keeps its answers on the sample and no population loses more spikes than it
may: by bisection, so that a few networks are made in full.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neurocompile.backends.synchronous import Executor, Run, run
from neurocompile.backends.synchronous.local import Local
from neurocompile.diagnostics import Diagnostic, FindingsError, UsageError
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.fidelity import share_lost
from neurocompile.families.stages import Observation
from neurocompile.ir.network import ANALOG, Network
from neurocompile.ir.operators import Array
from neurocompile.options import Options
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.quantization.observations import Observations
from neurocompile.target.loihi import LoihiTarget

BIT_COUNTS = (8, 6, 5, 4, 3, 2)  # bits of a weight
_FEW_SAMPLES = 64  # samples that errors are measured on
_SPIKE_SAMPLES = 256  # and lost spikes; answers on all

Choice = Mapping[str, int]  # bits by population


def weight_bits(recorder: Recorder, floating: Network, target: LoihiTarget, options: Options,
                lowering: Lowering, observation: Observation) -> Choice:
    """Bits of the weights into single populations; none where all have `Options.bits`.

    The options are those that `check_bits` has passed.
    """
    if not options.searches_bits:
        return options.bits_of
    if lowering.rounding or lowering.sample is None:
        return {}  # an earlier build has searched
    if observation.run is None or observation.values is None:
        raise ValueError("what the float network does on the sample was not observed")
    search = Search(floating, target, options, lowering.sample, lowering.labels, observation.run,
                    observation.values)
    return recorder.stage("bits", search.best, search.summary)


def check_bits(options: Options, floating: Network, lowering: Lowering) -> None:
    """Refuse bits that a network cannot have.

    Raises UsageError (NC009) for a population that it does not have, and for a search without a
    sample.
    """
    if options.searches_bits and not lowering.rounding and lowering.sample is None:
        raise UsageError(Diagnostic("NC009", values={
            "option": "--weight-bits", "value": f"`{options.weight_bits}`",
            "reason": "it needs a sample: errors and answers are measured on one"}))
    names = [p.name for p in floating.populations]
    for name in options.bits_of.keys() - set(names):
        near = difflib.get_close_matches(name, names, 1)
        raise UsageError(Diagnostic("NC009", values={
            "option": "--weight-bits", "value": f"`{name}`", "reason": "the network has no such "
            f"population{f'; near it is `{near[0]}`' if near else ''}"}))
    adders = {p.name for p in floating.populations if p.graded}
    for name in options.bits_of:
        sums = [p.source for p in floating.into(name)]
        if sums and adders.issuperset(sums):
            raise UsageError(Diagnostic("NC009", values={
                "option": "--weight-bits", "value": f"`{name}`", "reason": "its weights are those of "
                f"a sum that it shares: name `{sums[0]}`"}))


@dataclass(frozen=True, eq=False)
class Search:
    """A search of the fewest bits, on samples [samples, ...] of which `labels` may be known."""

    floating: Network
    target: LoihiTarget
    options: Options
    sample: Mapping[str, Array]
    labels: Array | None
    float_run: Run
    observations: Observations

    @cached_property
    def synapses(self) -> dict[str, int]:
        """Stored synapses of populations that weights of any bits reach."""
        adders = {p.name for p in self.floating.populations if p.graded}
        analog = {i.name for i in self.floating.inputs if i.kind in ANALOG}
        counts = {p.name: sum(one.operator.n_synapses for one in self.floating.into(p.name)
                              if one.source not in adders | analog)
                  for p in self.floating.populations}
        return {name: count for name, count in counts.items() if count}

    def best(self) -> Choice:
        """The furthest choice of the path that is good enough; the most bits where none is."""
        path = list(self.path())
        first, last = 0, len(path)  # the path is good at first, or nothing is
        while last - first > 1:
            middle = (first + last) // 2
            first, last = (middle, last) if self.serves(path[middle]) else (first, middle)
        return path[first]

    def summary(self, choice: Choice) -> str:
        """The average bits of a synapse, in words."""
        total = sum(self.synapses.values())
        mean = sum(self.synapses[name] * bits for name, bits in choice.items()) / max(total, 1)
        return f"{mean:.2f} bits on average, {min(choice.values(), default=0)} to " \
               f"{max(choice.values(), default=0)}"

    def path(self) -> Iterator[Choice]:
        """Choices of fewer and fewer bits."""
        levels = [bits for bits in BIT_COUNTS if bits <= self.options.bits]
        errors = {bits: error for bits in levels if (error := self._errors(bits)) is not None}
        choice = dict.fromkeys(self.synapses, levels[0])
        while True:
            yield dict(choice)
            steps = [(self._price(name, choice[name], bits, errors), name, bits)
                     for name in choice for bits in errors
                     if bits < choice[name] and name in errors[bits]]
            if not steps:
                return
            _, name, bits = min(steps, key=lambda step: (step[0], step[1], -step[2]))
            choice[name] = bits

    def _price(self, name: str, now: int, bits: int, errors: Mapping[int, Mapping[str, float]]
               ) -> float:
        """Error for each bit that is saved."""
        more = max(errors[bits][name] - errors[now].get(name, 0.0), 0.0)
        return more / (self.synapses[name] * (now - bits))

    def _errors(self, bits: int) -> dict[str, float] | None:
        """The relative squared error of the currents of each population with so many bits.

        None where there is no such network; without those that lose more spikes than they may.
        """
        try:
            network = self._integers(dict.fromkeys(self.synapses, bits))
        except FindingsError:
            return None
        few, spikes = self._first(_FEW_SAMPLES)
        before = Local(Executor(self.floating), few, spikes)
        after = Local(Executor(network), few, spikes)
        lossy = set() if bits == BIT_COUNTS[0] else self._lossy(network, after)
        return {name: _relative_error(before, after, name) for name in self.synapses
                if name not in lossy}

    def _lossy(self, network: Network, local: Local) -> set[str]:
        """Populations that lose more of their spikes than `--max-loss` says."""
        names = set()
        for name, expected in local.outer_spikes.items():
            spikes = local.spikes(network.population(name)).numpy()
            share = share_lost(int((spikes != expected).sum()), int(expected.sum()))
            if share > self.options.max_loss / 100:
                names.add(name)
        return names

    def _first(self, count: int) -> tuple[dict[str, Array], dict[str, Array]]:
        """The first samples, and what the float network sends on them."""
        return ({name: x[:count] for name, x in self.sample.items()},
                {name: x[:count] for name, x in self._spikes.items()})

    @cached_property
    def _spikes(self) -> dict[str, Array]:
        return {p.name: self.float_run.spikes[p.name] for p in self.floating.populations
                if not (p.graded or p.name in self.floating.accumulators)}

    def serves(self, choice: Choice) -> bool:
        """Whether the integer network keeps its answers and its populations their spikes."""
        try:
            network = self._integers(choice)
        except FindingsError:
            return False
        if self._lossy(network, Local(Executor(network), *self._first(_SPIKE_SAMPLES))):
            return False
        return self._right(self.floating, self.float_run) - self._right(
            network, run(network, self.sample)) <= self.options.search_loss / 100 + 1e-9

    def _right(self, network: Network, result: Run) -> float:
        """The share of right answers: the labels', or the float network's."""
        if not network.outputs:
            return 1.0
        truth = self.labels
        if truth is None:
            readout = self.floating.outputs[0]
            truth = readout.answers(self.float_run.read(readout))
        readout = network.outputs[0]
        return float(np.mean(readout.answers(result.read(readout)) == truth))

    def _integers(self, choice: Choice) -> Network:
        return LoihiQuantizer(
            self.options.bits, self.options.encoder, self.options.overflow, self.observations,
            bits_of=choice).run(self.floating, self.target)[0]


def _relative_error(before: Local, after: Local, name: str) -> float:
    """What of a population's currents is off, each neuron's at the unit that fits it best."""
    sources = _sources(before, name)
    exact = before.current(before.executor.network.population(name), sources).double()
    integers = after.current(after.executor.network.population(name), sources).double()
    exact, integers = exact.flatten(0, 1), integers.flatten(0, 1)
    fit = (exact * integers).sum(0) ** 2 / (integers**2).sum(0).clamp(min=1e-30)
    energy = (exact**2).sum(0)
    return float((energy - fit).clamp(min=0).sum() / energy.sum().clamp(min=1e-30))


def _sources(local: Local, name: str) -> Sequence[str]:
    """Those of a population whose weights have its own bits, and that integers get too."""
    network = local.executor.network
    adders = {p.name for p in network.populations if p.graded}
    analog = {i.name for i in network.inputs if i.kind in ANALOG}
    return [p.source for p in network.into(name) if p.source not in adders | analog]
