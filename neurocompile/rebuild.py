"""The integer network of a build again, from its own graph, target and options."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocompile.backends.loihi.emit import emit
from neurocompile.capture.files import Loaded
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.ir.graph import load_graph
from neurocompile.ir.network import Network
from neurocompile.ir.schedule import Schedule
from neurocompile.manifest import sha256
from neurocompile.passes.align import align
from neurocompile.passes.lower import lower
from neurocompile.passes.quantize import Quantize
from neurocompile.target import Target, parse_target


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """What a build's program was emitted from."""

    loaded: Loaded
    target: Target
    network: Network
    schedule: Schedule


def recompile(folder: Path, manifest: Mapping[str, Any]) -> Rebuilt:
    """The network of an opened build. Compiling is deterministic, and mapping changes no spike."""
    path = folder / "target.toml"
    target = parse_target(path.read_text(encoding="utf-8"), str(path))
    loaded = Loaded(load_graph(folder / "model.onnx"), str(manifest["model"]), ())
    options = manifest["options"]
    quantize = Quantize(int(options["weight_bits"]), str(options["encoder"]))
    network, _ = quantize.run(lower(loaded.graph), target)
    return Rebuilt(loaded, target, network, align(network, target))


def recheck(folder: Path, again: Rebuilt, manifest: Mapping[str, Any]) -> None:
    """Raise UsageError (NC704) unless emitting the network again gives the build's program."""
    with tempfile.TemporaryDirectory(prefix="neurocompile-") as work:
        for path in emit(again.network, again.schedule, again.target, Path(work)).files:
            name = f"program/{path.relative_to(work).as_posix()}"
            if manifest["files"].get(name, {}).get("sha256") != sha256(path):
                raise UsageError(Diagnostic("NC704", values={"file": str(folder / name)}, notes=(
                    "this version of neurocompile emits another program for the same graph",)))
