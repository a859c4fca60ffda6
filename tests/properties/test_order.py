"""The order in which populations and projections are listed changes no spike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurocompile.backends import synchronous
from neurocompile.backends.synchronous import Run
from neurocompile.capture.torch_model import capture
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.loihi.relay import relay
from neurocompile.passes.lowering.lower import lower
from tests.capture import nets
from tests.loihi import loihi_target
from tests.properties.timed_nets import delays_up_to, inputs_for, shuffle, timed_net


def assert_equal(one: Run, other: Run) -> None:
    assert set(one.spikes) == set(other.spikes)
    for name, spikes in one.spikes.items():
        np.testing.assert_array_equal(spikes, other.spikes[name])
        np.testing.assert_array_equal(one.v[name], other.v[name])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_integer_networks(seed: int, order: int) -> None:
    net, target = timed_net(seed), delays_up_to(2)
    inputs = inputs_for(net, 2)
    runs, latencies = [], set()
    for variant in (net, shuffle(net, order)):
        on_relays, schedule, _ = relay(variant, align(variant), target, 8)
        runs.append(synchronous.run(on_relays, inputs, record_state=True))
        latencies.add(schedule.latency)
    assume(all(spikes.any() for spikes in runs[0].spikes.values()))
    assert_equal(*runs)
    assert len(latencies) == 1


@pytest.fixture(scope="module")
def floating() -> Network:
    return lower(capture(nets.lively(nets.MultiStep()), nets.image(2, 2, 8, 8)))[0]


@pytest.mark.parametrize("encoder", ["bias", "graded", "host"])
def test_quantized_networks(floating: Network, encoder: str) -> None:
    """From float: the integers do not depend on the order either."""
    runs, x = [], nets.image(3, 2, 8, 8).numpy()
    for variant in (floating, shuffle(floating, 1), shuffle(floating, 2)):
        network, _ = LoihiQuantizer(8, encoder=encoder).run(variant, loihi_target("loihi2"))
        runs.append(synchronous.run(network, {"x": x}, record_state=True))
    assert all(spikes.any() for spikes in runs[0].spikes.values())
    for run in runs[1:]:
        assert_equal(runs[0], run)
