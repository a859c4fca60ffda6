"""A check of the largest architectures stays within a minute of CPU and 4 GB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

SECONDS, BYTES = 60, 4e9


@pytest.mark.slow
@pytest.mark.parametrize(("model", "verdict", "codes", "stages"), [
    ("examples.zoo.stmixer:imagenet", "partly checked", set(), ["outline", "align"]),
    ("examples.zoo.spikformer:imagenet_8_768", "illegal", {"NC120", "NC122", "NC125"}, []),
])
def test_66_million_parameters(model: str, verdict: str, codes: set[str], stages: list[str],
                               tmp_path: Path) -> None:
    out = tmp_path / "check.json"
    process = subprocess.Popen([
        sys.executable, "-m", "neurocompile", "check", model, "--input", "3x224x224", "-t",
        "loihi2", "-q", "--format", "json", "-o", str(out)], cwd=ROOT)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # it is reaped
    (one,) = json.loads(out.read_text())["checks"]
    assert (one["verdict"], {d["code"] for d in one["diagnostics"]}) == (verdict, codes)
    assert one["stages"] == ["capture without replay", "check", *stages]
    assert one["not_run"][:3] == (["replay", "lower", "gate"] if stages else [])
    assert usage.ru_utime + usage.ru_stime < SECONDS
    assert usage.ru_maxrss * 1024 < BYTES
