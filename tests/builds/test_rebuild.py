"""A build of another version is verified where it can be, and refused with the reason where not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neurocompile.builds.manifest import load_manifest, write_manifest
from neurocompile.builds.rebuild import read_options
from neurocompile.diagnostics import UsageError
from neurocompile.options import Options
from neurocompile.report.model.manifest import Manifest, Tool
from tests.builds.provenance import provenance_of


def manifest_of(folder: Path, **options: Any) -> Manifest:
    """The manifest of a build with such options, out to its file and in again."""
    write_manifest(folder, replace(provenance_of("net"), options=options, tool=Tool(
        name="neurocompile", version="9.8.7")))
    manifest = load_manifest(folder)
    assert manifest is not None
    return manifest


def test_options_come_back(tmp_path: Path) -> None:
    options = Options(weight_bits=4, allow=("or-pool",), max_cores=3)
    assert read_options(manifest_of(tmp_path, **options.record("loihi")), Options, tmp_path) == options
    assert read_options(manifest_of(tmp_path, weight_bits=4), Options, tmp_path) == Options(
        weight_bits=4)


@pytest.mark.parametrize(("options", "message"), [
    ({"sparkle": "much"}, "neurocompile 9.8.7 wrote it with an option `sparkle`"),
    ({"weight_bits": 99}, "an option that this version does not take: `--weight-bits`"),
    ({"encoding": None}, "`--encoding` cannot be `None`"),
])
def test_an_option_of_another_version_is_one_finding(tmp_path: Path, options: dict[str, Any],
                                                     message: str) -> None:
    manifest = manifest_of(tmp_path, **options)
    with pytest.raises(UsageError, match="NC003") as error:
        read_options(manifest, Options, tmp_path)
    finding, = error.value.diagnostics
    assert message in finding.message
    assert "neurocompile that wrote it" in finding.help


@pytest.mark.parametrize(("key", "value"), [("options", 3), ("tool", {}), ("tool", "me")])
def test_a_manifest_of_another_form_is_one_finding(tmp_path: Path, key: str, value: object) -> None:
    manifest_of(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(UsageError, match="NC003") as error:
        load_manifest(tmp_path)
    finding, = error.value.diagnostics
    assert key in finding.message
    assert "neurocompile that wrote it" in finding.help
