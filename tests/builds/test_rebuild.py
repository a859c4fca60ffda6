"""A build of another version is verified where it can be, and refused with the reason where not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurocompile.builds.rebuild import read_options
from neurocompile.diagnostics import UsageError
from neurocompile.options import Options

FOLDER = Path("build")


def manifest(**options: Any) -> dict[str, Any]:
    return {"tool": {"name": "neurocompile", "version": "9.8.7"}, "options": options}


def test_options_come_back() -> None:
    options = Options(weight_bits=4, allow=("or-pool",), max_cores=3)
    as_json = {**options.record("loihi"), "allow": ["or-pool"]}  # JSON has no tuples
    assert read_options(manifest(**as_json), Options, FOLDER) == options
    assert read_options(manifest(weight_bits=4), Options, FOLDER) == Options(weight_bits=4)


@pytest.mark.parametrize(("document", "message"), [
    (manifest(sparkle="much"), "neurocompile 9.8.7 wrote it with an option `sparkle`"),
    (manifest(weight_bits=99), "an option that this version does not take: `--weight-bits`"),
    (manifest(encoding=None), "`--encoding` cannot be `None`"),
    ({"options": 3}, "its manifest has no options"),
    ({"options": {"x": 1}, "tool": {}}, "neurocompile of no version wrote it"),
    ({"options": {"x": 1}, "tool": "me"}, "neurocompile of no version wrote it"),
])
def test_an_option_of_another_version_is_one_finding(document: dict[str, Any],
                                                     message: str) -> None:
    with pytest.raises(UsageError, match="NC003") as error:
        read_options(document, Options, FOLDER)
    finding, = error.value.diagnostics
    assert message in finding.message
    assert "neurocompile that wrote it" in finding.help
