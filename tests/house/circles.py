"""No module is imported, not even lazily, by what it imports."""

from __future__ import annotations

from collections.abc import Iterator

import grimp
import networkx as nx

from tests.house.violation import Violation


def import_graph() -> nx.DiGraph:
    """Modules of the package; an edge for each import that runs."""
    imports = grimp.build_graph("neurocompile", exclude_type_checking_imports=True, cache_dir=None)
    graph = nx.DiGraph()
    for module in sorted(imports.modules):
        for other in sorted(imports.find_modules_directly_imported_by(module)):
            graph.add_edge(module, other)
    return graph


def circles(graph: nx.DiGraph) -> Iterator[Violation]:
    """Every circle of modules."""
    for modules in nx.strongly_connected_components(graph):
        if len(modules) > 1:
            names = sorted(modules)
            yield Violation(names[0].replace(".", "/") + ".py", 1,
                            f"imports in a circle: {', '.join(names)}")
