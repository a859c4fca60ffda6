"""Commands as typed, in this process."""

import pytest

from neurocompile import cli


def run(capsys: pytest.CaptureFixture[str], command: str, code: int = 0) -> tuple[str, str]:
    """What a command writes to stdout and stderr; its exit code must be that one."""
    capsys.readouterr()
    assert cli.run(command.split()) == code
    out, err = capsys.readouterr()
    return out, err
