"""A build is published whole or not at all, and never over what others wrote."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurocompile.builds import directory as build_directory
from neurocompile.builds.directory import check_replaceable, new_build, open_build
from neurocompile.builds.manifest import write_manifest
from neurocompile.diagnostics import UsageError
from tests.builds.provenance import provenance_of

KILLS = 12
WRITER = """
import sys, time
from pathlib import Path
from neurocompile.builds.directory import new_build
from neurocompile.builds.manifest import write_manifest
from tests.builds.provenance import provenance_of
out = Path(sys.argv[1])
for version in range(int(sys.argv[2]), 10**6):
    with new_build(out) as folder:
        for k in range(6):
            (folder / f"part{k}").write_text(f"{version} " * 2000)
            time.sleep(0.003)
        write_manifest(folder, provenance_of(str(version)))
    print(version, flush=True)
"""


def _build(out: Path, text: str = "one", force: bool = False) -> None:
    with new_build(out, force) as folder:
        (folder / "program").mkdir()
        (folder / "program" / "net.py").write_text(text)
        write_manifest(folder, provenance_of(text))


def _siblings(out: Path) -> list[str]:
    return sorted(p.name for p in out.parent.iterdir() if p != out)


def _assert_refusal(out: Path, message: str, force: bool = False) -> None:
    with pytest.raises(UsageError, match="NC006") as error:
        _build(out, "two", force)
    assert message in str(error.value)
    assert error.value.exit_code == 2


def test_a_build_replaces_the_one_before(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "build"
    _build(out)
    _build(out, "two")
    assert (open_build(out).folder / "program" / "net.py").read_text() == "two"
    assert _siblings(out) == []


def test_an_error_leaves_the_old_build_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "build"
    _build(out)
    with pytest.raises(ZeroDivisionError), new_build(out) as folder:
        (folder / "half").write_text(str(1 // 0))
    assert (open_build(out).folder / "program" / "net.py").read_text() == "one"
    assert _siblings(out) == []


def test_killed_writers_leave_a_whole_build(tmp_path: Path) -> None:
    out = tmp_path / "build"
    chance = random.Random(7)
    version = 1
    for _ in range(KILLS):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(out), str(version)],
                                  stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        last = int(writer.stdout.readline())
        time.sleep(chance.uniform(0, 0.12))
        writer.send_signal(signal.SIGKILL)
        last = max([last, *(int(line) for line in writer.stdout)])
        writer.wait()
        version = int(open_build(out).manifest.model)  # every hash is checked
        assert version in (last, last + 1)
        assert {(out / f"part{k}").read_text() for k in range(6)} == {f"{version} " * 2000}
        version += 1
    _build(out)
    assert _siblings(out) == []  # what the dead left is gone


def test_without_exchange_a_kill_between_the_renames_is_recovered(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_directory, "exchange", lambda *_: False)
    out = tmp_path / "build"
    _build(out)
    _build(out, "two")
    assert _siblings(out) == []
    out.rename(tmp_path / ".build.old")  # where such a kill leaves it
    assert (open_build(out).folder / "program" / "net.py").read_text() == "two"
    assert _siblings(out) == []


def test_foreign_places_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    foreign = tmp_path / "mine"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years")
    _assert_refusal(foreign, "no manifest")
    (tmp_path / "file").write_text("x")
    _assert_refusal(tmp_path / "file", "it is a file")
    (tmp_path / "link").symlink_to(foreign)
    _assert_refusal(tmp_path / "link", "symbolic link", force=True)
    _assert_refusal(Path(), "it is the working directory", force=True)
    _assert_refusal(tmp_path.parent, "the working directory is inside it", force=True)
    _assert_refusal(Path("/"), "inside it", force=True)
    monkeypatch.setenv("HOME", str(tmp_path / "mine"))
    _assert_refusal(foreign, "it is your home", force=True)
    assert (foreign / "thesis.tex").read_text() == "years"


def test_a_file_added_to_a_build_is_not_deleted(tmp_path: Path) -> None:
    out = tmp_path / "build"
    _build(out)
    (out / "notes.txt").write_text("mine")
    _assert_refusal(out, "notes.txt")
    _build(out, "two", force=True)
    assert (open_build(out).folder / "program" / "net.py").read_text() == "two"
    assert (tmp_path / "build.replaced-1" / "notes.txt").read_text() == "mine"


def test_force_moves_a_foreign_directory_aside(tmp_path: Path) -> None:
    out = tmp_path / "build"
    out.mkdir()
    (out / "thesis.tex").write_text("years")
    _build(out, force=True)
    assert (tmp_path / "build.replaced-1" / "thesis.tex").read_text() == "years"


def test_an_empty_directory_is_fine(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    _build(tmp_path / "build")
    assert _siblings(tmp_path / "build") == []


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    out = tmp_path / "build"
    with new_build(out) as folder:
        _assert_refusal(out, f"process {os.getpid()} is writing it")
        write_manifest(folder, provenance_of("one"))
    assert open_build(out).folder == out


def test_a_lock_file_of_a_dead_writer_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / ".build.lock").write_text("1")
    _build(tmp_path / "build")
    with (tmp_path / "other").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
    assert _siblings(tmp_path / "build") == ["other"]


def test_a_build_needs_its_manifest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no manifest"), new_build(tmp_path / "build"):
        pass
    assert not (tmp_path / "build").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_parent_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    _assert_refusal(tmp_path / "build", "Permission denied")


def test_a_full_disk_is_told_and_leaves_the_old(tmp_path: Path) -> None:
    out = tmp_path / "build"
    _build(out)
    with pytest.raises(UsageError, match="No space left"), new_build(out), Path("/dev/full").open(
            "w") as full:
        full.write("x" * 100_000)
    assert (open_build(out).folder / "program" / "net.py").read_text() == "one"


@pytest.mark.parametrize("damage", ["changed", "removed", "linked", "added", "escape"])
def test_a_damaged_build_is_refused(tmp_path: Path, damage: str) -> None:
    out = tmp_path / "build"
    _build(out)
    file = out / "program" / "net.py"
    if damage == "changed":
        file.write_text("onf")
    elif damage == "added":
        (out / "program" / "more.py").write_text("")
    elif damage == "escape":
        manifest = json.loads((out / "manifest.json").read_text())
        manifest["files"]["../outside"] = manifest["files"]["program/net.py"]
        (out / "manifest.json").write_text(json.dumps(manifest))
        (tmp_path / "outside").write_text("one")
    else:
        file.unlink()
        if damage == "linked":
            (tmp_path / "elsewhere").write_text("one")
            file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="NC704"):
        open_build(out)


def test_caches_and_results_beside_the_program_are_no_damage(tmp_path: Path) -> None:
    out = tmp_path / "build"
    _build(out)
    for name in ("program/__pycache__/net.pyc", "program/out/n000.npy"):
        (out / name).parent.mkdir()
        (out / name).write_text("")
    assert open_build(out).folder == out


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 3}', '{"format": "other/1"}'])
def test_what_is_no_build_is_not_opened(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match="NC007"):
        open_build(tmp_path)
    with pytest.raises(UsageError, match="NC006"):
        check_replaceable(tmp_path)


def test_a_later_format_is_told(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"format": "neurocompile/build/2", "files": {}}')
    with pytest.raises(UsageError, match="later neurocompile"):
        open_build(tmp_path)


def test_the_time_comes_from_the_environment(tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    _build(tmp_path / "build")
    assert open_build(tmp_path / "build").manifest.time == "1970-01-01T00:00:00Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    with pytest.raises(UsageError, match="NC009"):
        _build(tmp_path / "build")
