"""Targets and compilations with the types of Loihi, which the pipeline gives for any family."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.targets import load_target
from neurocompile.ir.graph import Graph
from neurocompile.options import Options
from neurocompile.target import Target
from neurocompile.target.loihi import LoihiTarget


def loihi_target(name: str = "loihi2") -> LoihiTarget:
    """The target of that name, one of Loihi's."""
    target = load_target(name)
    assert isinstance(target, LoihiTarget)
    return target


def compile_for_loihi(graph: Graph, target: Target, options: Options | None = None,
                      sample: Mapping[str, np.ndarray] | None = None) -> LoihiCompilation:
    """`compile_graph` for one of Loihi's targets."""
    compilation = compile_graph(graph, target, options, sample)
    assert isinstance(compilation, LoihiCompilation)
    return compilation
