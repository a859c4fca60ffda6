"""What the tests of TrueNorth's legalization share."""

from types import ModuleType

import pytest

from neurocompile.families.targets import load_target
from neurocompile.target.truenorth import TrueNorthTarget
from tests.properties import truenorth_nets


@pytest.fixture(scope="session")
def random_nets() -> ModuleType:
    """Random networks, their reference and a stepper."""
    return truenorth_nets


@pytest.fixture(scope="session")
def truenorth() -> TrueNorthTarget:
    target = load_target("truenorth")
    assert isinstance(target, TrueNorthTarget)
    return target
