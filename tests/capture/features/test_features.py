"""Every feature is captured and lowered exactly, or refused at the user's line."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import code_nets
import harness
import layer_nets
import refused_nets
import time_nets
import wiring_nets

KEPT = [name for nets in (time_nets, layer_nets, wiring_nets, code_nets)
        for name, made in harness.FEATURES.items() if made.code.__module__ == nets.__name__]
REFUSED = [name for name, made in harness.FEATURES.items()
           if made.code.__module__ == refused_nets.__name__]


@pytest.mark.parametrize("name", KEPT)
def test_the_network_spikes_like_the_model(name: str) -> None:
    harness.assert_same_spikes(harness.FEATURES[name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_network_is_refused_at_its_line(name: str) -> None:
    made = harness.FEATURES[name]
    assert harness.refusals(made) == made.marks()
