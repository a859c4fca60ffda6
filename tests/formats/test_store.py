"""The user's cache folder: entries are whole or not there, and never more than the limit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neurocompile.formats.cache.store import VARIABLE, Store, cache_folder


def test_a_content_comes_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    assert store.get("a") is None
    assert store.put("a", b"content")
    assert store.get("a") == b"content"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["a.capture"]
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("position", [0, 70, -1])
def test_a_damaged_entry_is_none(tmp_path: Path, position: int) -> None:
    store = Store(tmp_path)
    store.put("a", b"content")
    path = tmp_path / "a.capture"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    assert store.get("a") is None
    path.write_bytes(data[:20])
    assert store.get("a") is None


def test_what_was_used_longest_ago_makes_place(tmp_path: Path) -> None:
    store = Store(tmp_path, limit=1000)
    for number, name in enumerate("abcde"):
        store.put(name, b"." * 180)
        os.utime(tmp_path / f"{name}.capture", (number, number))
        if name == "d":
            store.get("a")
    assert {name for name in "abcde" if store.get(name) is not None} == {"a", "c", "d", "e"}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1000


def test_what_is_too_large_is_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path, limit=1000)
    assert not store.put("a", b"." * 300)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "cache")
    assert not store.put("a", b"content")
    assert store.get("a") is None


def test_the_folder_is_the_user_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "neurocompile"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "neurocompile"
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other"))
    assert cache_folder() == tmp_path / "other"
    monkeypatch.setenv(VARIABLE, "")
    assert cache_folder() is None
