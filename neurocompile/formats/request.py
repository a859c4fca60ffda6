"""What is asked of a reader, and what it hands back. Imports no reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocompile.capture.declaration import Declaration
from neurocompile.diagnostics import Diagnostic
from neurocompile.input_sizes import InputSizes

if TYPE_CHECKING:
    from neurocompile.formats.samples import Sample
    from neurocompile.ir.graph import Graph
    from neurocompile.ir.operators import Array


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a build was made from."""

    role: str  # "graph", "weights", "architecture", "sample"
    name: str
    sha256: str
    size: int


@dataclass(frozen=True, eq=False)
class Capture:
    """A captured model, and what it was made from."""

    graph: Graph
    name: str
    sources: tuple[Source, ...]
    examples: int = 0  # samples of the user's that it was captured and replayed on
    notes: tuple[Diagnostic, ...] = ()  # on what was decided about its inputs

    def fit(self, sample: Sample) -> dict[str, Array]:
        """The sample by input name, as a Network reads it: [samples, ticks, *shape].

        Raises UsageError (NC008) when it is none of this model.
        """
        from neurocompile.formats.samples import fit
        from neurocompile.ir.input_axes import input_axes

        return fit(sample, input_axes(self.graph))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line and the configuration say about a model."""

    spec: str  # a file, or pkg.mod:factory
    arch: str | None = None
    weights: Path | None = None
    arch_args: Mapping[str, Any] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()  # searched for the architecture
    trust_pickle: bool = False
    input: InputSizes | None = None  # of the model's input
    n_ticks: int | None = None  # the model computes one tick per call
    prove: bool = True  # run the replay gate; a Graph without it can be checked, not built
    prove_up_to: int | None = None  # parameters; larger models are not proved
    options: Mapping[str, Any] = field(default_factory=dict)  # of formats, as in `nir_dt`
    neurons: Mapping[str, Declaration] = field(default_factory=dict)  # declared, by class

    def proves(self, parameters: int) -> bool:
        """Whether a model of so many parameters is replayed."""
        return self.prove and (self.prove_up_to is None or parameters <= self.prove_up_to)
