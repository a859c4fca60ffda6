"""What `check` and `build` say of one graph, without a word of its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neurocompile.diagnostics import NeurocompileError, errors
from neurocompile.families.pipeline import check_structure, compile_graph
from neurocompile.ir.graph import Graph
from neurocompile.options import Options
from neurocompile.target import Target

NUMBERS = ("NC208", "NC3", "NC4", "NC501", "NC7")  # of the size of weights, or of the network
STRUCTURE = ("NC305", "NC309", "NC310")  # among these: a threshold below 0, levels, an option
OURS = ("NC142", "NC9")  # bugs


@dataclass(frozen=True)
class Verdicts:
    """The codes of what refuses a graph."""

    check: frozenset[str]
    build: frozenset[str]

    @property
    def agree(self) -> bool:
        """Whether both refuse it for the same reasons, or `build` for its numbers alone."""
        if self.check:
            return self.check == self.build
        return all(one.startswith(NUMBERS) for one in self.build)

    @property
    def of_ours(self) -> bool:
        """Whether a bug is among them."""
        return any(one.startswith(OURS) for one in self.check | self.build)


def verdicts(graph: Graph, target: Target, options: Options | None = None) -> Verdicts:
    """Both verdicts on a graph."""
    return Verdicts(_codes(lambda: check_structure(graph, target, options)),
                    _codes(lambda: compile_graph(graph, target, options)))


def _codes(action: Callable[[], Any]) -> frozenset[str]:
    try:
        action()
    except NeurocompileError as error:
        return frozenset(one.code for one in errors(error.diagnostics))
    return frozenset()
