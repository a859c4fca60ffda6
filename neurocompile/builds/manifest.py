"""manifest.json: what a build was made from, and the hash of every file in it."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.report.model.manifest import FileEntry, Manifest, Provenance
from neurocompile.report.plain import from_json, to_json
from neurocompile.report.schema import identifier

MANIFEST = "manifest.json"
FORMAT = identifier(Manifest)  # of this version; the number follows the last slash
WITHOUT_HASH = ("trace.json",)  # timings differ from run to run


def write_manifest(folder: Path, provenance: Provenance) -> None:
    """Write the manifest of all files in a folder; nothing may be written after it."""
    files = {name: FileEntry(sha256=sha256(folder / name), size=(folder / name).stat().st_size)
             for name in sorted(_files(folder)) if name not in WITHOUT_HASH}
    origin = {f.name: getattr(provenance, f.name) for f in fields(Provenance)}
    write_json(folder / MANIFEST, Manifest(
        time=_creation_time(), files=files, **origin,
        without_hash=tuple(n for n in WITHOUT_HASH if (folder / n).exists())))


def write_json(path: Path, document: object) -> None:
    """A dataclass, or plain values, as all JSON of a build is written: one line break at the end."""
    text = json.dumps(to_json(document), indent=1) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def load_manifest(folder: Path) -> Manifest | None:
    """The manifest of a build; None where the folder is no build.

    Raises UsageError (NC003) for one that this version cannot read.
    """
    values = read_manifest(folder)
    if values is None:
        return None
    try:
        return from_json(Manifest, values)
    except ValueError as error:
        tool = values.get("tool")
        version = tool.get("version", "of no version") if isinstance(tool, dict) else "of no version"
        raise UsageError(Diagnostic("NC003", Location(file=str(folder)), {
            "file": str(folder), "kind": "a build of this version",
            "reason": f"in its manifest, which neurocompile {str(version)[:20]} wrote, {error}"},
            hint="use the neurocompile that wrote it, or build it again")) from None


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What a manifest says, of whatever version; None where the folder is no build.

    `files` is an object, `unhashed` a list. Raises UsageError (NC003) for a later format.
    """
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    form = data.get("format") if isinstance(data, dict) else None
    kind, _, version = FORMAT.rpartition("/")
    if not isinstance(form, str) or not form.startswith(f"{kind}/"):
        return None
    if form != FORMAT:
        raise UsageError(Diagnostic("NC003", Location(file=str(folder)), {
            "file": str(folder), "kind": f"a build of format {version}",
            "reason": f"it is `{form}`, which a later neurocompile wrote"}))
    if not isinstance(data.get("files"), dict) or not isinstance(data.get("unhashed"), list):
        return None
    manifest: dict[str, Any] = data
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise UsageError (NC704) when a listed file differs, or an unlisted one lies beside it."""
    for name, entry in manifest.files.items():
        path = folder / name
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts
        if not inside or path.is_symlink() or not path.is_file() or (
                sha256(path) != entry.sha256):
            raise UsageError(_damage(path))
    folders = {str(Path(name).parent) for name in manifest.files}
    for name in foreign_files(folder):
        if str(Path(name).parent) in folders:
            raise UsageError(_damage(folder / name))


def foreign_files(folder: Path) -> list[str]:
    """Files of a build that its manifest does not list, caches of Python left out."""
    manifest = read_manifest(folder) or {"files": {}, "unhashed": []}
    names = {MANIFEST, *manifest["files"], *map(str, manifest["unhashed"])}
    return sorted(name for name in _files(folder)
                  if name not in names and "__pycache__" not in Path(name).parts)


def _damage(path: Path) -> Diagnostic:
    return Diagnostic("NC704", Location(file=str(path)), {"file": str(path)})


def _files(folder: Path) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in (*names, *links):
            yield (Path(parent) / name).relative_to(folder).as_posix()


def sha256(path: Path) -> str:
    """The file's hash, as manifests have it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _creation_time() -> str:
    """Now, or the time that SOURCE_DATE_EPOCH sets; the only time in a build."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        seconds = None if epoch is None else int(epoch)
        moment = (datetime.datetime.now(datetime.UTC) if seconds is None
                  else datetime.datetime.fromtimestamp(seconds, datetime.UTC))
    except (ValueError, OverflowError, OSError):
        raise UsageError(Diagnostic("NC009", values={
            "option": "SOURCE_DATE_EPOCH", "value": f"`{epoch}`",
            "reason": "it is a number of seconds since 1970"})) from None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
