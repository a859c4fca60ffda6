"""What docs/ci.md and the pre-commit hook promise can be run."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from neurocompile import cli
from neurocompile.config import parse_config
from neurocompile.toml_document import parse_toml
from tests.paths import ROOT

CI = (ROOT / "docs/ci.md").read_text()
HOOK = (ROOT / ".pre-commit-hooks.yaml").read_text()
COMMANDS = {line.strip() for text in (CI, HOOK, (ROOT / "README.md").read_text())
            for line in re.findall(r"neurocompile check [^\n`]*", text)}


def test_the_configuration_is_valid() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", CI, re.DOTALL)
    config = parse_config(parse_toml("\n".join(blocks), "neurocompile.toml"))
    assert [model.name for model in config.models] == ["mixer", "gesture"]
    assert config.models[1].targets == ("loihi1", "loihi2")
    assert list(config.neurons) == ["nets.neurons.MyLIF"]


@pytest.mark.parametrize("command", sorted(c for c in COMMANDS if " --" in c))
def test_every_option_exists(command: str) -> None:
    usage = CliRunner().invoke(cli.commands, ["check", "--help"]).output
    usage += " ".join(re.findall(r"--[a-z-]+", usage))
    for option in re.findall(r"(?<=\s)--[a-z-]+", command):
        assert re.search(rf"{option}\b", usage), command


def test_the_hook_is_the_one_that_the_docs_name() -> None:
    entry = re.search(r"entry: (.*)", HOOK)
    assert entry
    assert entry[0] in CI
