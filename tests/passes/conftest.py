"""Networks for mapping: those of the benchmark, and what they are built with."""

from types import ModuleType

import pytest

from benchmarks import mapping_nets
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target


@pytest.fixture(scope="session")
def nets() -> ModuleType:
    """Builders and networks."""
    return mapping_nets


@pytest.fixture(scope="session")
def loihi1() -> LoihiTarget:
    """Lists as nengo-loihi counts them: what the benchmark's bars are stated in."""
    return mapping_nets.counted_as(loihi_target("loihi1"), "nengo-loihi")


@pytest.fixture(scope="session")
def strict() -> LoihiTarget:
    """Lists as the stricter of all accountings counts them: the default."""
    return loihi_target("loihi1")
