"""Deployed equals reference: every population, tick and sample, over random networks."""

from dataclasses import asdict
from types import ModuleType

import numpy as np
import pytest

from neurocompile.backends.truenorth import oracle
from neurocompile.diagnostics import FindingsError
from neurocompile.passes.placing import place
from neurocompile.passes.truenorth.audit.audit import audit
from neurocompile.passes.truenorth.legalize import legalize
from neurocompile.target.truenorth import TrueNorthTarget
from tests.passes.truenorth.build import network, population


@pytest.fixture(autouse=True)
def quick_placement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where cores lie changes no spike."""
    monkeypatch.setattr(place, "MOVES", 10)
    monkeypatch.setattr(place, "RELIEFS", 1)


def deploy(nets: ModuleType, seeds: range, target: TrueNorthTarget) -> tuple[int, set[str]]:
    """How many networks were built and are active; what appeared in them."""
    active, traits = 0, set[str]()
    for seed in seeds:
        net = nets.random_net(seed)
        try:
            legalization = legalize(net, target)
        except FindingsError as error:
            codes = {d.code for d in error.diagnostics}
            if codes != {"NC431"}:
                raise
            continue
        different, rates = nets.compare(net, legalization.network, seed=seed)
        assert different == [], seed
        assert list(audit(net, legalization.network, target)) == [], seed
        active += all(0 < rate for rate in rates.values()) and any(r < 1 for r in rates.values())
        traits |= nets.features(net, legalization)
    return active, traits


def test_deployed_equals_reference(random_nets: ModuleType, truenorth: TrueNorthTarget) -> None:
    active, traits = deploy(random_nets, range(30), truenorth)
    assert active >= 25
    assert {"soft", "hard", "stateless", "splitter", "constants"} <= traits


@pytest.mark.slow
def test_deployed_equals_reference_over_a_thousand(random_nets: ModuleType,
                                                   truenorth: TrueNorthTarget) -> None:
    active, traits = deploy(random_nets, range(1000, 2150), truenorth)
    assert active >= 1000
    assert traits == {"soft", "hard", "stateless", "splitter", "relay", "constants", "feedback",
                    "no reload", "shared core", "conv", "over 256 targets", "host"}


def test_stepper_equals_oracle(random_nets: ModuleType, truenorth: TrueNorthTarget) -> None:
    """The vectorized stepper of these tests is the simulator's oracle."""
    net = random_nets.random_net(3)
    core_network = legalize(net, truenorth).network
    inputs = random_nets.inputs_for(net, 1)
    run, result = oracle.run_sample(core_network, inputs), random_nets.step(core_network, inputs)
    assert np.any(run.spikes)
    for name, spikes in result.items():
        assert np.array_equal(spikes[0], oracle.population(run, core_network, name))


def test_rows_of_the_report(truenorth: TrueNorthTarget) -> None:
    """60 inputs of 4 bits and a constant into 5 neurons, which two pieces of `b` need."""
    rng = np.random.default_rng(0)
    weight = rng.choice([-7, -5, -3, 3, 5, 6], (5, 60))
    net = network([population("a", 5, 9, -300), population("b", 400, 2)],
                  [("x", "a", weight), ("a", "b", rng.choice([-1, 1], (400, 5)))],
                  inputs={"x": (60,)}, read="b")
    legalization = legalize(net, truenorth)
    a, b = map(asdict, legalization.rows)
    axons = {table.name: len(table.element) for table in legalization.network.inputs}
    assert a == {
        "population": "a", "neurons": 5, "cores": 1, "splitter_cores": 0, "relays": 0,
        "copies": 5 * (2 * 2 - 1), "axons": a["axons"], "axons_per_input": 6,
        "fan_in": 60, "latency": 0, "exactness": "exact", "why": "one piece"}
    assert a["axons"] == axons["x"] + axons["constants"]
    assert axons["constants"] == 6  # -300 is a leak of -255 and 6 times -8
    assert (b["cores"], b["axons"], b["axons_per_input"], b["why"]) == (2, 20, 2, "neurons")
