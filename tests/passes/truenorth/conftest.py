"""What the tests of TrueNorth's legalization share."""

from types import ModuleType

import pytest

from neurocompile.target.truenorth import TrueNorthTarget
from tests.properties import truenorth_nets
from tests.truenorth import truenorth_target


@pytest.fixture(scope="session")
def random_nets() -> ModuleType:
    """Random networks, their reference and a stepper."""
    return truenorth_nets


@pytest.fixture(scope="session")
def truenorth() -> TrueNorthTarget:
    return truenorth_target()
