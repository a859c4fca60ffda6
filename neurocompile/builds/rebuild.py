"""The integer network of a build again, from its own graph, target and options."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from neurocompile.array_file import read_arrays
from neurocompile.builds.directory import Build
from neurocompile.builds.files import ROUNDING
from neurocompile.builds.manifest import sha256
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.families.compilation import Compilation
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.table import family_of
from neurocompile.families.targets import parse_target
from neurocompile.formats.request import Capture
from neurocompile.ir.graph_file import load_graph
from neurocompile.ir.operators import Array
from neurocompile.options import Options, declared_in
from neurocompile.passes.pruning.calibrate import AxisSelection, Selection
from neurocompile.report.model.manifest import Manifest
from neurocompile.report.model.pruning import SelectionFacts
from neurocompile.toml_document import read_toml


@dataclass(frozen=True, eq=False)
class Rebuild:
    """What a build's program was emitted from."""

    capture: Capture
    compilation: Compilation


def recompile(build: Build) -> Rebuild:
    """An opened build compiled again, without its sample: that moves no weight and no spike.

    What a pruned network kept, the manifest says; what was decided on a sample, rounding.npz.
    """
    folder, manifest = build.folder, build.manifest
    path = folder / "target.toml"
    target = parse_target(read_toml(path), str(path))
    capture = Capture(load_graph(folder / "model.onnx"), manifest.model, ())
    options = read_options(manifest, family_of(target).options_type, folder)
    options = replace(options, max_loss=100.0)  # it was judged when it was built, on its sample
    return Rebuild(capture, compile_graph(
        capture.graph, target, options, selection=_selection(manifest.pruning),
        rounding=_rounding(folder / ROUNDING)))


def _rounding(path: Path) -> dict[str, Array]:
    """What was decided on a sample; nothing where there was none."""
    if not path.exists():
        return {}
    try:
        return read_arrays(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, str(error) or "it is empty") from None


def _selection(facts: SelectionFacts | None) -> Selection | None:
    """The tokens and ticks that are kept."""
    if facts is None:
        return None
    tokens, ticks = (None if axis is None else AxisSelection(
        numbers=axis.numbers, length=axis.length, siv=axis.siv)
        for axis in (facts.tokens, facts.ticks))
    return Selection(tokens=tokens, ticks=ticks)


def recheck(build: Build, again: Rebuild) -> None:
    """Raise UsageError (NC704) unless emitting the network again gives the build's program."""
    family = family_of(again.compilation.target)
    original = family.placed_as(again.compilation, build.folder / "program")
    with tempfile.TemporaryDirectory(prefix="neurocompile-") as work:
        for path in family.emit(original, Path(work)).files:
            name = f"program/{path.relative_to(work).as_posix()}"
            entry = build.manifest.files.get(name)
            if entry is None or entry.sha256 != sha256(path):
                raise UsageError(Diagnostic("NC704", values={"file": str(build.folder / name)}, notes=(
                    "this version of neurocompile emits another program for the same graph",)))


def read_options(manifest: Manifest, kind: type[Options], folder: Path) -> Options:
    """The options that a build was made with.

    Raises UsageError (NC003) where this version does not know one, or not its value.
    """
    values, names = manifest.options, {one.name for one in declared_in(kind)}
    version = manifest.tool.version
    for name in values:
        if name not in names:
            raise _unreadable(folder, f"neurocompile {version} wrote it with an option "
                              f"`{name[:40]}`, which this version does not know")
    try:
        return kind(**values)
    except UsageError as error:
        raise _unreadable(folder, f"neurocompile {version} wrote it with an option that this "
                          f"version does not take: {error.diagnostics[0].message}") from None


def _unreadable(folder: Path, reason: str) -> UsageError:
    return UsageError(Diagnostic("NC003", Location(file=str(folder)), {
        "file": str(folder), "kind": "a build of this version", "reason": reason},
        hint="verify it with the neurocompile that wrote it, or build it again"))
