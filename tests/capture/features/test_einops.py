"""einops in users' code."""


import pytest

pytest.importorskip("einops")  # users' code needs it, neurocompile does not
from tests.capture.features import einops_nets, harness

NAMES = [name for name, feature in harness.FEATURES.items()
         if feature.code.__module__ == einops_nets.__name__]


def test_all_as_one_network() -> None:
    network = harness.assert_same_spikes(harness.together(NAMES))
    assert len(network.populations) == 8


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_alone(name: str) -> None:
    harness.assert_same_spikes(harness.FEATURES[name])
