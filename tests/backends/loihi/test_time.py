"""Time on Lava: relays, samples back to back, and the order in which parts are listed."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "properties"))
from timed_nets import inputs_for, shuffled, timed_net

from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import Verification, verify
from neurocompile.ir.network import Network
from neurocompile.passes.align import align
from neurocompile.passes.relay import relay
from neurocompile.target import load_target
from neurocompile.target_text import target_toml

SAMPLES = 5


def network() -> Network:
    """Skips of all kinds from 2 to 7 steps, feedback over one and two ticks, three inputs."""
    net = timed_net(14, size=8)
    kinds = [type(p.operator).__name__ for p, wait in align(net).waits(net) if wait > 1]
    assert {"Dense", "Sparse", "Conv"} <= set(kinds)
    assert {p.delay for p in net.projections} == {0, 1, 2}
    return net


def run(net: Network, folder: Path, limit: int = 62, first: int = 0,
        samples: int = SAMPLES) -> Verification:
    """On Lava with delays up to `limit`, against the reference of the network without relays."""
    text = target_toml(load_target("loihi2")).replace("max_delay = { value = 62,",
                                                      f"max_delay = {{ value = {limit},")
    folder.mkdir()
    (folder / "short.toml").write_text(text)
    target = load_target(str(folder / "short.toml"))
    inputs = {k: x[first:first + samples] for k, x in inputs_for(net, SAMPLES).items()}
    relayed, schedule, notes = relay(net, align(net), target)
    assert bool(notes) == (limit < 6)
    emit(relayed, schedule, target, folder / "program")
    reference = synchronous.run(net, inputs, record_state=True)
    repeated = synchronous.run(relayed, inputs).spikes  # of the relays
    reference = dataclasses.replace(reference, spikes={**repeated, **reference.spikes})
    done = verify(folder / "program", relayed, schedule, inputs, reference)
    assert all(p.spikes for p in done.populations)
    assert len(done.populations) == len(relayed.populations)
    return done


@pytest.mark.lava
@pytest.mark.parametrize("limit", [0, 2])
def test_relays_on_a_target_of_short_delays(limit: int, tmp_path: Path) -> None:
    assert run(network(), tmp_path / "net", limit).differences == 0


@pytest.mark.lava
def test_order_changes_no_spike(tmp_path: Path) -> None:
    net = network()
    other = shuffled(net, 3)
    assert [p.name for p in other.populations] != [p.name for p in net.populations]
    done, again = run(net, tmp_path / "a"), run(other, tmp_path / "b")
    assert done.differences == again.differences == 0
    assert {p.name: p.spikes for p in done.populations} == {
        p.name: p.spikes for p in again.populations}


@pytest.mark.lava
def test_a_sample_alone_spikes_as_among_others(tmp_path: Path) -> None:
    """The reference is the same either way; `test_order_changes_no_spike` runs all samples."""
    assert run(network(), tmp_path / "one", first=3, samples=1).differences == 0


def test_samples_of_the_reference_are_independent() -> None:
    net = network()
    inputs = inputs_for(net, SAMPLES)
    together = synchronous.run(net, inputs, record_state=True)
    for k in range(SAMPLES):
        alone = synchronous.run(net, {n: x[k:k + 1] for n, x in inputs.items()}, record_state=True)
        for name, spikes in alone.spikes.items():
            assert spikes.any()
            np.testing.assert_array_equal(spikes[0], together.spikes[name][k])
            np.testing.assert_array_equal(alone.v[name][0], together.v[name][k])
