"""A project to run commands in."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from neurocompile import cli
from tests.commands.project_files import CONFIG, NET


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two configured models, a sample with labels and an exported graph."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "cli_net.py").write_text(NET)
    (folder / "neurocompile.toml").write_text(CONFIG)
    random = np.random.default_rng(0)
    np.savez(folder / "s.npz", x=random.random((6, 5)), y=np.arange(6) % 3)
    here = Path.cwd()
    os.chdir(folder)
    try:
        assert cli.run(["export", "good", "-o", "net.onnx"]) == 0
        assert cli.run(["export", "bad", "-o", "bad.onnx"]) == 0
        assert cli.run(["build", "net.onnx", "-t", "loihi2", "--sample", "s.npz", "--no-verify",
                        "-o", "built"]) == 0
    finally:
        os.chdir(here)
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as working directory."""
    monkeypatch.chdir(project)
    return project
