"""Findings as text: the wording is fixed here to the letter."""

import json
from pathlib import Path

import pytest

from neurocompile.diagnostics import Call, Diagnostic, Location
from neurocompile.report import findings

FULL = """\
error[NC002]: `a,b:c.toml`: 100% at `x\\ny`
  --> a,b:c.toml:1
   = help: correct the key; `neurocompile targets loihi2 --format toml` shows a complete target
   = note: `neurocompile explain NC002`

error[NC120]: `MatMul` multiplies two values that both depend on spikes
  --> net.py:3  in block.0.attn
   |
 3 |     attn = q @ k
   |
   = `q` and `k` both depend on spikes
   = and the same in block.1.attn, block.2.attn, block.10.attn
   = help: replace the attention by static token mixing
   = note: `neurocompile explain NC120`

warning[NC302]: 1.04% of the weights of `a -> b` clip at the 8-bit grid's end
  --> net.py:2  in fc
   |
 2 |     fc
   |
   = help: more weight bits, or a training penalty on large weights
   = note: `neurocompile explain NC302`

loihi2: 5 errors, 1 warning"""

CONCISE = """\
a,b:c.toml:1: error[NC002]: `a,b:c.toml`: 100% at `x\\ny`
net.py:3: error[NC120]: `MatMul` multiplies two values that both depend on spikes (in block.0.attn)
net.py:3: error[NC120]: `MatMul` multiplies two values that both depend on spikes (in block.1.attn)
net.py:3: error[NC120]: `MatMul` multiplies two values that both depend on spikes (in block.2.attn)
net.py:3: error[NC120]: `MatMul` multiplies two values that both depend on spikes (in block.10.attn)
net.py:2: warning[NC302]: 1.04% of the weights of `a -> b` clip at the 8-bit grid's end (in fc)"""

GITHUB = """\
::error title=neurocompile (NC002),file=a%2Cb%3Ac.toml,line=1::`a,b:c.toml`: 100%25 at `x\\ny`
::error title=neurocompile (NC120),file=net.py,line=3::`MatMul` multiplies two values that both \
depend on spikes; and the same in block.1.attn, block.2.attn, block.10.attn
::warning title=neurocompile (NC302),file=net.py,line=2::1.04%25 of the weights of `a -> b` clip \
at the 8-bit grid's end"""


@pytest.fixture
def in_files(diagnostics: list[Diagnostic], tmp_path: Path,
             monkeypatch: pytest.MonkeyPatch) -> list[Diagnostic]:
    (tmp_path / "net.py").write_text("import x\n    fc\n    attn = q @ k  \n")
    monkeypatch.chdir(tmp_path)
    first = diagnostics[-1]
    short = [Diagnostic(d.code, d.where, d.values, hint="replace the attention by static token "
                        "mixing" if d.code == "NC120" else None, notes=d.notes) for d in diagnostics[:-1]]
    return [*short, Diagnostic(first.code, Location(file=first.where.file, line=1), first.values)]


def test_full(in_files: list[Diagnostic]) -> None:
    assert findings.render(in_files, "full", summary="loihi2: 5 errors, 1 warning") == FULL


def test_order_of_findings_does_not_matter(in_files: list[Diagnostic]) -> None:
    for fmt in findings.FORMATS:
        assert findings.render(in_files, fmt) == findings.render(in_files[::-1], fmt)


def test_concise(in_files: list[Diagnostic]) -> None:
    assert findings.render(in_files, "concise") == CONCISE


def test_github(in_files: list[Diagnostic]) -> None:
    assert findings.render(in_files, "github") == GITHUB


def test_json(in_files: list[Diagnostic]) -> None:
    data = json.loads(findings.render(in_files, "json", target_name="loihi2"))
    assert (data["target"], len(data["diagnostics"])) == ("loihi2", 6)


def test_nothing_found() -> None:
    assert [findings.render([], fmt) for fmt in ("full", "concise", "github")] == ["", "", ""]
    assert findings.render([], "full", summary="loihi2: ok") == "loihi2: ok"


def test_unknown_format() -> None:
    with pytest.raises(ValueError, match="none of full"):
        findings.render([], "xml")


def test_many_repeats_are_folded() -> None:
    many = [Diagnostic("NC120", Location(f"b.{k}.attn"), {"op": "MatMul"}) for k in range(12)]
    text = findings.render(many, "full")
    assert "and the same in b.1.attn ... b.11.attn (11 more)" in text
    assert text.count("error[") == 1
    assert "and 2 more like it" in findings.render([many[0]] * 3, "full")


WITH_CALLS = """\
error[NC125]: a sum of 9 spike trains (0..9) reaches the synapse `Conv` without a neuron between
  --> net.py:3  in b.2
   |
 3 |     attn = q @ k
   |
   = called from net.py:7, net.py:20
   = called from net.py:8, net.py:20
   = and the same in b.0, b.1, b.10: branches 2 to 9, levels 3 to 9
   = help: put a neuron before the synapse (as in Spikingformer)
   = note: `neurocompile explain NC125`"""


def _with_calls() -> list[Diagnostic]:
    """One finding of four modules, called from two lines."""
    return [Diagnostic("NC125", Location(f"b.{number}", "net.py", 3, (
        Call("net.py", call), Call("net.py", 20))), {
            "branches": branches, "levels": levels, "op": "Conv"})
        for number, call, branches, levels in ((0, 7, 2, 3), (1, 8, 4, 4), (2, 7, 9, 9), (10, 7, 2, 3))]


def test_the_worst_comes_first_with_the_range_and_the_calls(in_files: list[Diagnostic]) -> None:
    many = _with_calls()
    assert findings.render(many, "full") == WITH_CALLS
    assert findings.render(many, "full") == findings.render(many[::-1], "full")
    concise = findings.render(many, "concise").splitlines()
    assert [line.partition("(in ")[2] for line in concise] == [
        f"b.{number}, called from net.py:{call}, net.py:20)"
        for number, call in ((0, 7), (1, 8), (2, 7), (10, 7))]
    assert "; called from net.py:7, net.py:20; called from net.py:8, net.py:20; and the same in " \
        in findings.render(many, "github")
    other = [Diagnostic("NC125", Location("", "net.py", 3, (Call("net.py", 30 + k),)),
                        {"branches": 2, "levels": 2, "op": "Conv"}) for k in range(6)]
    assert "   = and from 3 other places\n   = and 5 more like it\n" in findings.render(other, "full")


def test_color_only_adds_color(in_files: list[Diagnostic]) -> None:
    text = findings.render(in_files, "full", color=True)
    assert "\033[1;31merror[NC120]\033[0m" in text
    for style in (*findings._STYLE.values(), findings._RESET):
        text = text.replace(style, "")
    assert text == findings.render(in_files, "full")


@pytest.mark.parametrize("fmt", findings.FORMATS)
def test_no_control_character_gets_out(fmt: str) -> None:
    name = "a\x1b[2J\r\n::error::x\u202e"
    hostile = Diagnostic("NC120", Location(name, name, 1, (Call(name, 2),)), {"op": name},
                         hint=name, notes=(name,))
    text = findings.render([hostile], fmt, summary=name)
    assert all(c.isprintable() or c == "\n" for c in text)
    assert not any(line.startswith("::error::") for line in text.split("\n"))


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.py", "net.txt", "gone.py", "a\0.py",
                                  "link.py", "", "folder.py"])
def test_only_python_files_below_the_working_directory_are_read(
        name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "folder.py").mkdir()
    (tmp_path / "secret.py").write_text("secret\n")
    (work / "net.txt").write_text("secret\n")
    (work / "link.py").symlink_to(tmp_path / "secret.py")
    monkeypatch.chdir(work)
    assert findings.source_line(Location("m", name, 1)) == ""


def test_source_line_is_one_printable_line(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("x = '\x1b[2J'\n" + "y" * 500 + "\n")
    assert findings.source_line(Location("m", "a.py", 1)) == "x = '\\x1b[2J'"
    assert len(findings.source_line(Location("m", "a.py", 2))) == findings.MAX_EXCERPT
    assert findings.source_line(Location("m", "a.py", 9)) == ""
