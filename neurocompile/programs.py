"""Programs: what each family's build deploys, how it is verified, and what its reports read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocompile.backends import synchronous
from neurocompile.backends.loihi import emit as loihi_program
from neurocompile.backends.loihi.verify import verify as verify_on_lava
from neurocompile.backends.results import Emission, Verification
from neurocompile.compilation import Compiled, LoihiCompiled
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.ir.operators import Array
from neurocompile.report import data

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checks:
    """How much of the program to verify before it is published."""

    samples: int = 4  # 0: none
    timeout: float = 600.0  # of Lava
    lava_python: str | None = None


def emit(compiled: Compiled, out: Path) -> Emission:
    """Write the program of a compiled network into the folder `out`; always the same bytes."""
    if isinstance(compiled, LoihiCompiled):
        return loihi_program.emit(compiled.network, compiled.schedule, compiled.target, out)
    raise _no_backend(compiled)


def verify(program: Path, compiled: Compiled, inputs: Mapping[str, Array],
           checks: Checks) -> Verification:
    """Run an emitted program and the reference on the same inputs, and compare all spikes.

    Raises UsageError (NC602) where Lava is needed and not installed.
    """
    reference = synchronous.run(compiled.network, inputs, record_state=True)
    if isinstance(compiled, LoihiCompiled):
        return verify_on_lava(program, compiled.network, compiled.schedule, inputs, reference,
                              limit=checks.timeout, lava_python=checks.lava_python)
    raise _no_backend(compiled)


def described(compiled: Compiled) -> tuple[Data, Data]:
    """The contents of resources.json and of mapping.json."""
    if isinstance(compiled, LoihiCompiled):
        return data.resources_json(compiled), data.mapping_json(compiled)
    raise _no_backend(compiled)


def _no_backend(compiled: Compiled) -> UsageError:
    return UsageError(Diagnostic("NC601", values={
        "backend": "neurocompile", "target": compiled.target.name}))
