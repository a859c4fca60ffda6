"""Random float networks in Loihi's integers: what is lost is little or names, and nothing breaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from neurocompile.backends.synchronous import run
from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.families.fidelity import Measurement, measure
from neurocompile.families.losses import DIFFERS, Quantization, losses
from neurocompile.families.stages import observe
from neurocompile.ir.network import Network
from neurocompile.options import Options
from neurocompile.passes.loihi.quantization.bounds import state_bounds, state_overflows
from neurocompile.passes.loihi.quantization.quantize import IntegerForm, LoihiQuantizer
from neurocompile.passes.loihi.quantization.rounding_record import read_rounding
from neurocompile.semantics.loihi_widths import STATE_MAX
from neurocompile.semantics.reset import Reset
from tests.loihi import loihi_target
from tests.passes.loihi.quantization.test_rounding_record import same
from tests.properties.random_nets import RandomNet, random_net

FEW, MANY = 12, 1000
TARGETS = {"loihi1": (Reset.HARD,), "loihi2": tuple(Reset)}
LIMITS = {"NC206", "NC208", "NC303", "NC305", "NC306", "NC309"}  # what a random network may ask too much of


@dataclass(frozen=True)
class Result:
    """A random network and what became of it."""

    case: RandomNet
    form: IntegerForm
    on_sample: Measurement
    on_others: Measurement
    findings: tuple[Diagnostic, ...]


def quantizer(case: RandomNet, with_sample: bool, overflow: str = "auto") -> LoihiQuantizer:
    sample = case.sample if with_sample else None
    observations = observe(case.network, sample).values
    return LoihiQuantizer(8, "auto", overflow, observations)


def result_of(seed: int, target: str) -> Result | None:
    """The network of a seed in integers; None where the target cannot hold it, and says so."""
    case, chip = random_net(seed, TARGETS[target], target == "loihi2"), loihi_target(target)
    maker = quantizer(case, with_sample=seed % 4 > 0)
    try:
        form = maker.quantize(case.network, chip)
    except FindingsError as error:
        if not {d.code for d in error.diagnostics} <= LIMITS:
            raise
        return None
    again = LoihiQuantizer(8, rounding=read_rounding(form.rounding.arrays()))
    assert same(form.network, again.quantize(case.network, chip).network), seed
    on_sample, on_others = (measure(case.network, form.network, x, "sample")
                    for x in (case.sample, case.other))
    one = Quantization(case.network, form.network, Options(weight_bits=8),
                       lambda _: maker.run(case.network, chip)[0])
    return Result(case, form, on_sample, on_others, (*form.warnings, *losses(one, on_sample)))


def check(result: Result, target: str, seed: int) -> None:
    """What holds of every network."""
    network = result.form.network
    for population in network.populations:
        assert not list(state_overflows(network, population, loihi_target(target))), seed
        largest = state_bounds(network, population).largest
        assert largest["u"] <= STATE_MAX, seed
        if not population.saturates:
            assert largest["v"] <= STATE_MAX, seed
            for measurement in (result.on_sample, result.on_others):
                assert measurement.saturations[population.name] == 0, seed
    names = {d.values.get("module") for d in result.findings if d.code == "NC701"}
    for name, one in result.on_sample.fidelity.populations.items():
        assert one.float_spikes > 0, (seed, name)
        small = one.local < 3 * np.sqrt(one.float_spikes)  # by chance
        assert one.local_agreement >= 1 - DIFFERS or small or name in names, (seed, name)


def survey(seeds: range, target: str) -> None:
    results = {seed: result_of(seed, target) for seed in seeds}
    for seed, result in results.items():
        if result is not None:
            check(result, target, seed)
    ready = [result for result in results.values() if result is not None]
    assert len(ready) > 0.6 * len(seeds)
    for inputs in ("on_sample", "on_others"):
        local = [one.local_agreement for result in ready
                 for one in getattr(result, inputs).fidelity.populations.values()]
        assert np.median(local) > 0.985, np.median(local)
        assert np.mean(local) > 0.95, np.mean(local)
        assert np.mean(np.array(local) > 0.9) > 0.85, np.sort(local)


@pytest.mark.parametrize("target", TARGETS)
def test_little_is_lost_or_it_is_said(target: str) -> None:
    survey(range(FEW), target)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_little_is_lost_or_it_is_said_of_a_thousand(target: str) -> None:
    survey(range(FEW, FEW + MANY // 2), target)


def test_networks_are_equal_for_equal_seeds_and_active() -> None:
    def numbers(network: Network) -> list[float]:
        return [float(p.operator.weights.sum()) for p in network.projections]

    shapes = set()
    for seed in range(12):
        one, two = random_net(seed), random_net(seed)
        assert numbers(one.network) == numbers(two.network)
        shapes.add(str(one.network.inputs) + str(one.network.n_ticks))
        for x in (one.sample, one.other):
            assert all(train.any() and train.mean() < 0.95
                       for train in run(one.network, x).spikes.values())
    assert len(shapes) == 12
