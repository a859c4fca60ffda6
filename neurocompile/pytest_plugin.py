"""The pytest plugin: a fixture `neurocompile` that checks models, and a marker of that name.

    def test_runs_on_loihi(neurocompile):
        neurocompile.check(make_net(), input_shape=(3, 32, 32), target="loihi2", max_cores=64)

Nothing but pytest is imported until a test checks something.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from neurocompile.api import Example, InputShape, Model, Verdict
    from neurocompile.diagnostics import Diagnostic

NAME = "neurocompile"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", (
        f"{NAME}(target=, max_cores=, ...): checks spiking networks; the keywords are defaults of "
        "the fixture's `check`"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the fixture: `pytest -m neurocompile` runs them."""
    for item in items:
        if NAME in getattr(item, "fixturenames", ()) and item.get_closest_marker(NAME) is None:
            item.add_marker(NAME)


@pytest.fixture(name=NAME)
def _fixture(request: pytest.FixtureRequest) -> Checker:
    """Checks models: `neurocompile.check(model, target=..., ...)`."""
    defaults: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers(NAME))):  # the closest one wins
        defaults.update(marker.kwargs)
    return Checker(defaults)


class Checker:
    """What the fixture is."""

    def __init__(self, defaults: Mapping[str, Any]) -> None:
        self.defaults = defaults

    def check(self, model: Model, example: Example | None = None, **keywords: Any) -> Verdict:
        """The verdict on a model; the test fails with the findings where it cannot be built.

        Keywords: `target`, `input_shape`, `sample`, `n_ticks`, `legality_only` and `timing`, as
        for `neurocompile.check`, and its options: `max_cores`, `weight_bits`, ...
        """
        __tracebackhide__ = True
        verdict, text = _verdict(model, example, **{**self.defaults, **keywords})
        if text:
            pytest.fail(text, pytrace=False)
        return verdict


def _verdict(model: Model, example: Example | None, *, target: str | None = "loihi2",
             input_shape: InputShape | None = None,
             sample: str | os.PathLike[str] | None = None, n_ticks: int | None = None,
             legality_only: bool = False, **options: Any) -> tuple[Verdict, str]:
    """The verdict, and what to tell where it is none to pass with."""
    from neurocompile import api
    from neurocompile.diagnostics import NeurocompileError

    try:
        verdict = api.check(
            model, example, target=target, sample=sample, n_ticks=n_ticks,
            input_shape=input_shape, legality_only=legality_only, **options)
    except NeurocompileError as error:
        verdict = api.Verdict(error.diagnostics, None)
    return verdict, "" if verdict.ok else _text(verdict.diagnostics, target)


def _text(diagnostics: Sequence[Diagnostic], target: str | None) -> str:
    from neurocompile.diagnostics import Severity, errors
    from neurocompile.report import findings
    from neurocompile.report.words import plural

    shown_findings = [one for one in diagnostics if one.level > Severity.NOTE]
    summary = f"{target or 'any chip'}: {plural(len(errors(shown_findings)), 'error')}"
    return findings.render(shown_findings, "full", summary=summary)
