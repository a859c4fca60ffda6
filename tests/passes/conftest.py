"""Networks for mapping: those of the benchmark, and what they are built with."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from neurocompile.target import Target, load_target

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import mapping_nets


@pytest.fixture(scope="session")
def nets() -> ModuleType:
    """Builders and networks."""
    return mapping_nets


@pytest.fixture(scope="session")
def loihi1() -> Target:
    return load_target("loihi1")
