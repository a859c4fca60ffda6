"""Time on Lava: relays, samples back to back, and the order in which parts are listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurocompile.backends import synchronous
from neurocompile.backends.loihi.emit import emit
from neurocompile.backends.loihi.verify import verify
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.relay import relay
from neurocompile.target.text import target_toml
from tests.loihi import loihi_target
from tests.properties.timed_nets import inputs_for, shuffle, timed_net

SAMPLES = 5


def network(size: int = 8) -> Network:
    """Skips by all synapse processes, feedback over one and two ticks, inputs of three kinds."""
    return timed_net(14, size)


def run(net: Network, folder: Path, limit: int, inputs: Mapping[str, Array]) -> int:
    """Differences on Lava, with synaptic delays up to `limit`, to the network without relays."""
    text = target_toml(loihi_target("loihi2")).replace("max_delay = { value = 62,",
                                                      f"max_delay = {{ value = {limit},")
    (folder / "short.toml").write_text(text)
    target = loihi_target(str(folder / "short.toml"))
    with_relays, schedule, notes = relay(shuffle(net, 3), align(net), target, 8)
    assert bool(notes) == (limit < 6)
    emit(with_relays, schedule, target, folder / "program")
    plain = synchronous.run(net, inputs, record_state=True)
    spikes = {**synchronous.run(with_relays, inputs).spikes, **plain.spikes}  # of relays, too
    verification = verify(folder / "program", with_relays, schedule, inputs,
                          replace(plain, spikes=spikes))
    assert all(p.spikes for p in verification.populations)
    assert len(verification.populations) == len(with_relays.populations)
    return verification.differences


@pytest.mark.lava
def test_relays_and_delays_of_a_network_in_any_order(tmp_path: Path) -> None:
    """Delays of two steps, where a synapse holds no more; the listed order is another one."""
    net = network()
    assert [p.name for p in shuffle(net, 3).populations] != [p.name for p in net.populations]
    assert {type(p.operator).__name__ for p, wait in align(net).waits(net) if wait > 1} == {
        "Dense", "Sparse", "Conv"}
    assert {p.delay for p in net.projections} == {0, 1, 2}
    assert run(net, tmp_path, 2, inputs_for(net, SAMPLES)) == 0


@pytest.mark.lava
def test_a_target_without_delays(tmp_path: Path) -> None:
    net = network(5)
    assert run(net, tmp_path, 0, inputs_for(net, SAMPLES)) == 0


@pytest.mark.lava
def test_a_sample_alone_spikes_as_among_others(tmp_path: Path) -> None:
    """Its reference is that of a sample among others, below."""
    net = network()
    assert run(net, tmp_path, 62, {k: x[3:4] for k, x in inputs_for(net, SAMPLES).items()}) == 0


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
