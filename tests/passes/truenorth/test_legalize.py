"""Deployed equals reference: every population, tick and sample, over random networks."""

from types import ModuleType

import numpy as np
import pytest

from neurocompile.backends.truenorth import oracle
from neurocompile.diagnostics import FindingsError
from neurocompile.passes.mapping import place
from neurocompile.passes.truenorth.legalize import legalize
from neurocompile.passes.truenorth.recount import recount
from neurocompile.target import TrueNorthTarget


@pytest.fixture(autouse=True)
def quick_placement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where cores lie changes no spike."""
    monkeypatch.setattr(place, "MOVES", 10)
    monkeypatch.setattr(place, "RELIEFS", 1)


def deployed(nets: ModuleType, seeds: range, target: TrueNorthTarget) -> tuple[int, set[str]]:
    """How many networks were built and are active; what appeared in them."""
    active, seen = 0, set[str]()
    for seed in seeds:
        network = nets.random_net(seed)
        try:
            made = legalize(network, target)
        except FindingsError as error:
            codes = {d.code for d in error.diagnostics}
            if codes != {"NC431"}:
                raise
            continue
        different, rates = nets.compare(network, made.network, seed=seed)
        assert different == [], seed
        assert list(recount(network, made.network)) == [], seed
        active += all(0 < rate for rate in rates.values()) and any(r < 1 for r in rates.values())
        seen |= nets.features(network, made)
    return active, seen


def test_deployed_equals_reference(random_nets: ModuleType, truenorth: TrueNorthTarget) -> None:
    active, seen = deployed(random_nets, range(30), truenorth)
    assert active >= 25
    assert {"soft", "hard", "stateless", "splitter", "constants"} <= seen


@pytest.mark.slow
def test_deployed_equals_reference_over_a_thousand(random_nets: ModuleType,
                                                   truenorth: TrueNorthTarget) -> None:
    active, seen = deployed(random_nets, range(1000, 2150), truenorth)
    assert active >= 1000
    assert seen == {"soft", "hard", "stateless", "splitter", "relay", "constants", "feedback",
                    "no reload", "shared core", "conv", "over 256 targets", "host"}


def test_stepper_equals_oracle(random_nets: ModuleType, truenorth: TrueNorthTarget) -> None:
    """The vectorized stepper of these tests is the simulator's oracle."""
    network = random_nets.random_net(3)
    made = legalize(network, truenorth).network
    inputs = random_nets.inputs_for(network, 1)
    run, found = oracle.run_sample(made, inputs), random_nets.stepped(made, inputs)
    assert np.any(run.spikes)
    for name, spikes in found.items():
        assert np.array_equal(spikes[0], oracle.population(run, made, name))
