"""What is said of the user's own code that cannot be imported or fails: its line, and whose it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neurocompile.capture.factory import make_model
from neurocompile.diagnostics import Diagnostic, UsageError

FILES = {
    "own_src/beside.py": "import own_helpers",
    "own_src/own_helpers.py": "x = 1",
    "own_src/pkg/__init__.py": "",
    "own_src/pkg/relative.py": "from .gone import x",
    "own_src/pkg/lazy.py": "def make():\n    import own_src.nowhere",
    "own_typo.py": "import own_helqers2",
    "own_helpers2.py": "x = 1",
    "own_other.py": "x = 1\nimport not_installed.part",
    "own_fails.py": "def make():\n    return inner(2)\n\n\ndef inner(n):\n    return n / 0",
    "own_calls.py": "import own_fails\nown_fails.inner(1)",
    "own_syntax.py": "x = 1\nclass",
}

# entry -> code, place, calls, words of the message
FAILURES = {
    "own_src.beside:make": (
        "NC007", "own_src/beside.py:1", "",
        ("cannot find the module `own_helpers`: `own_src.beside` imports it, and "
         "`own_src/own_helpers.py` is not on the path")),
    "own_src.pkg.relative:make": (
        "NC007", "own_src/pkg/relative.py:1", "",
        "`own_src`, a package of yours, has no such module"),
    "own_src.pkg.lazy:make": (
        "NC007", "own_src/pkg/lazy.py:2", "", "cannot find the module `own_src.nowhere`"),
    "own_typo:make": ("NC007", "own_typo.py:1", "", "did you mean `own_helpers2`?"),
    "own_other:make": (
        "NC602", "own_other.py:2", "", "`own_other` needs the package `not_installed`, "),
    "own_fails:make": (
        "NC007", "own_fails.py:6", "called from own_fails.py:2",
        "calling it raised ZeroDivisionError: division by zero"),
    "own_calls:make": (
        "NC007", "own_fails.py:6", "called from own_calls.py:2",
        "importing it raised ZeroDivisionError: division by zero"),
    "own_syntax:make": ("NC007", "own_syntax.py:2", "", "importing it raised SyntaxError"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def failure(entry: str, folder: Path) -> Diagnostic:
    with pytest.raises(UsageError) as error:
        make_model(entry, {}, [folder])
    finding, = error.value.diagnostics
    return finding


@pytest.mark.parametrize("entry", FAILURES)
def test_a_failure_stands_at_its_line(entry: str, project: Path) -> None:
    code, place, calls, words = FAILURES[entry]
    finding = failure(entry, project)
    assert (finding.code, str(finding.where), finding.where.calls) == (code, place, calls)
    assert words in finding.message
    assert ("pip install" in finding.help) == (code == "NC602")


def test_a_clone_beside_the_project_is_none_of_it(project: Path, tmp_path: Path) -> None:
    """What lies outside the project's folders can be another's package, which is to be installed."""
    (tmp_path / "not_installed").mkdir()
    (tmp_path / "not_installed" / "setup.py").write_text("")
    (project / "own_src" / "needs.py").write_text("import not_installed.part\n")
    assert failure("needs:make", project / "own_src").code == "NC602"
