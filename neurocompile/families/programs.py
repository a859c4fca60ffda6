"""Programs: what each family's build deploys, how it is verified, and what its reports read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurocompile.backends import synchronous
from neurocompile.backends.loihi import emit as loihi_program
from neurocompile.backends.loihi.verify import verify as verify_on_lava
from neurocompile.backends.results import Emission, Verification
from neurocompile.backends.truenorth import emit as core_network
from neurocompile.backends.truenorth.network_file import load_network
from neurocompile.backends.truenorth.verify import joined
from neurocompile.backends.truenorth.verify import verify as verify_in_simulator
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.families.compilation import (
    Compilation,
    LoihiCompilation,
    Progress,
    TrueNorthCompilation,
)
from neurocompile.ir.network import Network
from neurocompile.ir.operators import Array
from neurocompile.passes.truenorth.core_network import CoreNetwork
from neurocompile.report import data, truenorth

Data = dict[str, Any]
_BATCH_BYTES = 1 << 28  # of the spikes and potentials of a batch of samples


@dataclass(frozen=True, slots=True)
class Checks:
    """How much of the program to verify before it is published."""

    samples: int = 4  # 0: none
    timeout: float = 600.0  # of Lava
    lava_python: str | None = None


def emit(compilation: Compilation, out: Path) -> Emission:
    """Write the program of a compiled network into the folder `out`; always the same bytes."""
    if isinstance(compilation, LoihiCompilation):
        return loihi_program.emit(compilation.network, compilation.schedule, compilation.target, out)
    if isinstance(compilation, TrueNorthCompilation):
        return core_network.emit(compilation.cores, compilation.network, compilation.target.name, out)
    raise _no_backend(compilation)


def placed_as(compilation: Compilation, program: Path) -> Compilation:
    """The compilation with the places of an emitted program, which may rest on measured rates.

    Only a core network's file has places in it.
    """
    if not isinstance(compilation, TrueNorthCompilation):
        return compilation
    places = load_network(program / core_network.NETWORK).places
    cores = dataclasses.replace(compilation.cores, places=places)
    return dataclasses.replace(compilation, legalized=dataclasses.replace(
        compilation.legalized, network=cores))


def verify(program: Path, compilation: Compilation, inputs: Mapping[str, Array],
           checks: Checks, progress: Progress = lambda _: None) -> Verification:
    """Run an emitted program and the reference on the same inputs, and compare all spikes.

    Raises UsageError (NC602) where Lava is needed and not installed.
    """
    if isinstance(compilation, LoihiCompilation):
        reference = synchronous.run(compilation.network, inputs, record_state=True)
        return verify_on_lava(program, compilation.network, compilation.schedule, inputs, reference,
                              limit=checks.timeout, lava_python=checks.lava_python)
    if isinstance(compilation, TrueNorthCompilation):
        return _simulated(load_network(program / core_network.NETWORK), compilation.network, inputs,
                          progress)
    raise _no_backend(compilation)


def _simulated(cores: CoreNetwork, network: Network, inputs: Mapping[str, Array],
               progress: Progress) -> Verification:
    """Batch by batch, since all potentials are compared."""
    each = 16 * sum(p.size for p in network.populations) * network.n_ticks  # bytes
    size, count = max(1, _BATCH_BYTES // each), len(next(iter(inputs.values())))
    parts = []
    for start in range(0, count, size):
        batch = {name: x[start:start + size] for name, x in inputs.items()}
        reference = synchronous.run(network, batch, record_state=True)
        parts.append(verify_in_simulator(cores, network, batch, reference))
        if count > size:
            progress(f"verify {min(start + size, count):,} of {count:,} samples")
    return joined(parts)


def runs_on(compilation: Compilation) -> str:
    """What runs the program."""
    return "Lava" if isinstance(compilation, LoihiCompilation) else "the simulator"


def described(compilation: Compilation) -> tuple[Data, Data]:
    """The contents of resources.json and of mapping.json."""
    if isinstance(compilation, LoihiCompilation):
        return data.resources_json(compilation), data.mapping_json(compilation)
    if isinstance(compilation, TrueNorthCompilation):
        return truenorth.resources_json(compilation), truenorth.mapping_json(compilation)
    raise _no_backend(compilation)


def _no_backend(compilation: Compilation) -> UsageError:
    return UsageError(Diagnostic("NC601", values={
        "backend": "neurocompile", "target": compilation.target.name}))
