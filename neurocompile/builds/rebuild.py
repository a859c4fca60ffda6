"""The integer network of a build again, from its own graph, target and options."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocompile.builds.manifest import sha256
from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.families.compilation import Compilation
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.table import family_of
from neurocompile.families.targets import parse_target
from neurocompile.formats.request import Capture
from neurocompile.ir.graph_file import load_graph
from neurocompile.options import Options, declared_in
from neurocompile.passes.pruning.calibrate import Selection
from neurocompile.toml_document import read_toml


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """What a build's program was emitted from."""

    capture: Capture
    compilation: Compilation


def recompile(folder: Path, manifest: Mapping[str, Any]) -> Rebuilt:
    """An opened build compiled again, without its sample: that moves no weight and no spike.

    What a pruned network kept, the manifest says.
    """
    path = folder / "target.toml"
    target = parse_target(read_toml(path), str(path))
    capture = Capture(load_graph(folder / "model.onnx"), str(manifest["model"]), ())
    options = read_options(manifest, family_of(target).options_type, folder)
    selection = Selection.from_json(manifest["pruning"]) if "pruning" in manifest else None
    return Rebuilt(capture, compile_graph(capture.graph, target, options, selection=selection))


def recheck(folder: Path, again: Rebuilt, manifest: Mapping[str, Any]) -> None:
    """Raise UsageError (NC704) unless emitting the network again gives the build's program."""
    family = family_of(again.compilation.target)
    original = family.placed_as(again.compilation, folder / "program")
    with tempfile.TemporaryDirectory(prefix="neurocompile-") as work:
        for path in family.emit(original, Path(work)).files:
            name = f"program/{path.relative_to(work).as_posix()}"
            if manifest["files"].get(name, {}).get("sha256") != sha256(path):
                raise UsageError(Diagnostic("NC704", values={"file": str(folder / name)}, notes=(
                    "this version of neurocompile emits another program for the same graph",)))


def read_options(manifest: Mapping[str, Any], kind: type[Options], folder: Path) -> Options:
    """The options that a build was made with.

    Raises UsageError (NC003) where this version does not know one, or not its value.
    """
    values, names = manifest.get("options"), {one.name for one in declared_in(kind)}
    tool = manifest.get("tool")
    version = tool.get("version", "of no version") if isinstance(tool, dict) else "of no version"
    if not isinstance(values, dict):
        raise _unreadable(folder, "its manifest has no options")
    for name in values:
        if name not in names:
            raise _unreadable(folder, f"neurocompile {version} wrote it with an option "
                              f"`{str(name)[:40]}`, which this version does not know")
    try:
        return kind(**values)
    except UsageError as error:
        raise _unreadable(folder, f"neurocompile {version} wrote it with an option that this "
                          f"version does not take: {error.diagnostics[0].message}") from None


def _unreadable(folder: Path, reason: str) -> UsageError:
    return UsageError(Diagnostic("NC003", Location(file=str(folder)), {
        "file": str(folder), "kind": "a build of this version", "reason": reason},
        hint="verify it with the neurocompile that wrote it, or build it again"))
