"""Models captured once: a Graph is taken from the user's cache while nothing that it came from differs.

The key of an entry is all that a capture depends on and that is known before it: what was asked,
the sample, the working folder, every environment variable, this machine, the versions of all that
is installed, and neurocompile's own code. The entry lists with their hashes the files that the
capture read, modules of the user's included, and what could be imported from the folders searched.

A capture is kept only where this is all that it depends on. Formats are read by our own code. A
factory of the user's is asked again, twice, and must make two models that are alike; its modules
import and use only what gives the same in every run (`imports`); nothing reached beyond files; and
no file changed since it was read. Neither a model's code nor a pickle is in an entry.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.formats.cache.imports import impurities
from neurocompile.formats.cache.installed import importable, is_installed, versions
from neurocompile.formats.cache.store import Store
from neurocompile.formats.cache.witness import Signature, Witness, signature, witness
from neurocompile.formats.format import Say
from neurocompile.formats.load import load_model
from neurocompile.formats.request import Capture, Request, Source
from neurocompile.formats.table import format_of

if TYPE_CHECKING:
    from neurocompile.formats.samples import Sample

FORM = 1  # of entries


def load_cached(request: Request, sample: Sample | None, store: Store, say: Say, remark: Say
                ) -> Capture:
    """The model as `load_model` gives it, from the store where that is sure to be the same.

    `say` is told that it was, `remark` why a new capture is not kept. Raises as `load_model` does.
    """
    form = format_of(Path(request.spec)) if os.path.exists(request.spec) else None
    if request.trust_pickle or (form is not None and not form.captures):
        return load_model(request, sample, say)
    observer = witness()
    key = _key(request, sample, observer.environment)
    content = store.get(key)
    capture = None if content is None else _read(content)
    if capture is not None:
        say(f"{capture.name}: as captured before, nothing that it comes from has changed")
        return capture
    before = {path: signature(path) for path in _named_files(request)}
    capture = load_model(request, sample, say)
    files = {path: state for path, state in {**observer.files, **before}.items()
             if not Path(path).is_relative_to(store.folder)}
    reason = next(_doubts(request, observer), None)
    content = _content(capture, files) if reason is None else b""
    reason = reason or next(_changes(files), None)
    if reason is not None:
        remark(f"this capture is not kept: {reason}")
    elif not store.put(key, content):
        remark("this capture is not kept: it is too large, or the cache folder cannot be written")
    return capture


def _key(request: Request, sample: Sample | None, environment: Mapping[str, str]) -> str:
    facts = {"form": FORM, "request": dataclasses.asdict(request), "folder": os.getcwd(),
             "environment": environment, "versions": versions(),
             "sample": None if sample is None else _hash_of_sample(sample)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=repr).encode()).hexdigest()


def _hash_of_sample(sample: Sample) -> list[object]:
    """Of all its arrays: a capture is made on some of them."""
    return [[name, str(array.dtype), array.shape, hashlib.sha256(array.data).hexdigest()]
            for name, array in sorted(sample.arrays.items())]


def _named_files(request: Request) -> list[str]:
    """The files that the request names."""
    paths = [request.spec, *([] if request.weights is None else [str(request.weights)])]
    return [os.path.abspath(path) for path in paths if os.path.isfile(path)]


def _hash_of_file(path: str) -> str | None:
    """Of its content; None where there is no file."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def _content(capture: Capture, files: Mapping[str, Any]) -> bytes:
    """An entry: what its capture depends on in a line of JSON, then the Graph's file."""
    folders = {os.path.realpath(folder) for folder in sys.path}
    folders |= {os.path.dirname(path) for path in files if path.endswith(".py")}
    head = {
        "files": {path: _hash_of_file(path) for path in sorted(files)},
        "folders": {folder: importable(folder) for folder in sorted(folders)
                    if not is_installed(os.path.join(folder, ""))},
        "name": capture.name, "examples": capture.examples,
        "sources": [dataclasses.asdict(one) for one in capture.sources],
        "notes": [
            [note.code, note.where.module, dict(note.values), note.hint] for note in capture.notes]}
    return json.dumps(head).encode() + b"\n" + capture.graph.to_bytes()


def _read(content: bytes) -> Capture | None:
    """The capture of an entry, unless something that it depends on differs."""
    from neurocompile.ir.graph_file import parse_graph

    text, _, data = content.partition(b"\n")
    head = json.loads(text)
    if any(_hash_of_file(path) != digest for path, digest in head["files"].items()) or any(
            importable(folder) != names for folder, names in head["folders"].items()):
        return None
    try:
        graph = parse_graph(data, Path(head["name"]))
    except UsageError:
        return None
    return Capture(graph, head["name"], tuple(Source(**one) for one in head["sources"]),
                   head["examples"],
                   tuple(Diagnostic(code, Location(module), values, hint=hint)
                         for code, module, values, hint in head["notes"]))


def _doubts(request: Request, observer: Witness) -> Iterator[str]:
    """Why a capture may depend on more than its key and these files."""
    if observer.beyond:
        yield f"its code reached beyond files ({min(observer.beyond)})"
    entry = request.spec if ":" in request.spec and not os.path.exists(request.spec) else request.arch
    if entry is not None:
        yield from _doubts_of_code(observer)
        if entry.partition(":")[0] in observer.modules:
            yield f"`{entry}` was imported before"
        elif not _makes_equal_models(request):
            yield f"`{entry}` makes another model each time"


def _changes(files: Mapping[str, Signature | None]) -> Iterator[str]:
    """The files that are not as they were when they were read first."""
    for path, state in files.items():
        if signature(path) != state:
            yield f"`{path}` changed meanwhile"


def _doubts_of_code(observer: Witness) -> Iterator[str]:
    """What the user's modules import and use beside what gives the same in every run."""
    files = {name: str(spec.origin) for name, module in list(sys.modules.items())
             if (spec := getattr(module, "__spec__", None)) is not None and spec.has_location
             and not is_installed(str(spec.origin))}
    tops = {name.partition(".")[0] for name in files if name not in observer.modules}
    tops -= {name.partition(".")[0] for name in observer.modules}
    for name, file in files.items():
        if name in observer.modules:
            continue
        if not file.endswith(".py"):
            yield f"`{name}` is no Python source"
            continue
        try:
            reason = next(impurities(Path(file).read_text(encoding="utf-8"), tops), None)
        except (OSError, ValueError, SyntaxError) as error:
            reason = f"cannot be read ({error})"
        if reason is not None:
            yield f"`{name}` {reason}"


def _makes_equal_models(request: Request) -> bool:
    """Whether the user's code makes the same model whenever it is asked."""
    from neurocompile.formats.cache.likeness import alike
    from neurocompile.formats.weights import read_module

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return alike(*(read_module(request, lambda _: None) for _ in range(2)))
        except Exception:  # noqa: BLE001 - the user's own code: anything
            return False
