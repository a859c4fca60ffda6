"""Lets the modules of this folder import each other by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)


def pytest_configure(config: pytest.Config) -> None:
    """The marker of tests that need an installed framework (see install.py)."""
    config.addinivalue_line("markers", "frameworks: needs build/frameworks (tests/frameworks/install.py)")
