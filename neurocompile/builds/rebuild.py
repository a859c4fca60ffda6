"""The integer network of a build again, from its own graph, target and options."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocompile.builds.manifest import sha256
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.families.pipeline import Compiled, Options, compile_graph
from neurocompile.families.programs import emit, placed_as
from neurocompile.families.targets import parse_target
from neurocompile.formats.files import Loaded
from neurocompile.ir.graph_file import load_graph
from neurocompile.passes.pruning.calibrate import Kept


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """What a build's program was emitted from."""

    loaded: Loaded
    compiled: Compiled


def recompile(folder: Path, manifest: Mapping[str, Any]) -> Rebuilt:
    """An opened build compiled again, without its sample: that moves no weight and no spike.

    What a pruned network kept, the manifest says.
    """
    path = folder / "target.toml"
    target = parse_target(path.read_text(encoding="utf-8"), str(path))
    loaded = Loaded(load_graph(folder / "model.onnx"), str(manifest["model"]), ())
    options = Options(**manifest["options"])
    kept = Kept.from_json(manifest["pruning"]) if "pruning" in manifest else None
    return Rebuilt(loaded, compile_graph(loaded.graph, target, options, kept=kept))


def recheck(folder: Path, again: Rebuilt, manifest: Mapping[str, Any]) -> None:
    """Raise UsageError (NC704) unless emitting the network again gives the build's program."""
    done = placed_as(again.compiled, folder / "program")
    with tempfile.TemporaryDirectory(prefix="neurocompile-") as work:
        for path in emit(done, Path(work)).files:
            name = f"program/{path.relative_to(work).as_posix()}"
            if manifest["files"].get(name, {}).get("sha256") != sha256(path):
                raise UsageError(Diagnostic("NC704", values={"file": str(folder / name)}, notes=(
                    "this version of neurocompile emits another program for the same graph",)))
