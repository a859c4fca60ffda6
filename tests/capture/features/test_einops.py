"""einops in users' code."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("einops")  # users' code needs it, neurocompile does not
sys.path.insert(0, str(Path(__file__).parent))
import einops_nets
import harness

NAMES = [name for name, made in harness.FEATURES.items()
         if made.code.__module__ == einops_nets.__name__]


def test_all_as_one_network() -> None:
    network = harness.assert_same_spikes(harness.together(NAMES))
    assert len(network.populations) == 8


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_alone(name: str) -> None:
    harness.assert_same_spikes(harness.FEATURES[name])
