"""Each rule of the house sees what it forbids, and passes its nearest neighbor."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import networkx as nx
import pytest

from tests.house.circles import circles
from tests.house.families import chip_types
from tests.house.keywords import by_position
from tests.house.names import participles
from tests.house.sizes import too_long
from tests.house.violation import Source, Violation

Rule = Callable[[Source], Iterator[Violation]]


@pytest.mark.parametrize(("rule", "path", "wrong", "right"), [
    (participles, "a.py", "found = [1]", "findings = [1]"),
    (participles, "a.py", "for made in (): pass", "for adder in (): pass"),
    (participles, "a.py", "def f(given): pass", "def f(options): pass"),
    (participles, "a.py", "def quantized(): pass", "def quantize(): pass"),
    (participles, "a.py", "class Loaded: pass", "class Capture: pass"),
    (participles, "a.py", "self.kept = 3", "self.share = 3"),
    (participles, "a.py", "graded = 3", "graded = x > 3"),
    (participles, "a.py", "def f(signed, pruned: int): pass", "def f(pruned: bool): pass"),
    (participles, "a.py", "with f() as opened: pass", "with f() as file: pass"),
    (participles, "a.py", "told, x = 1, 2", "told, x = a is b, 2"),
    (too_long, "a.py", "def f():\n" + "    x = 1\n" * 50, "def f():\n" + "    x = 1\n" * 49),
    (too_long, "a.py", "\n" * 351, "\n" * 350),
    (chip_types, "neurocompile/a.py", "isinstance(x, LoihiTarget)", "isinstance(x, Target)"),
    (chip_types, "passes/a.py", "isinstance(x, A | TrueNorthNeurons)", "isinstance(x, A | B)"),
    (chip_types, "neurocompile/ir/a.py", "from a.semantics.loihi import N", "from a.b import N"),
    (by_position, "a.py", "Options(8)", "Options(weight_bits=8)"),
    (by_position, "a.py", "config.ModelEntry('a')", "config.ModelEntry(name='a')"),
])
def test_a_rule_sees_what_it_forbids(rule: Rule, path: str, wrong: str, right: str) -> None:
    assert len(list(rule(Source(path, wrong)))) == 1
    assert not list(rule(Source(path, right)))


@pytest.mark.parametrize("path", [
    "passes/loihi/a.py", "neurocompile/semantics/loihi.py", "neurocompile/target/truenorth.py"])
def test_a_family_knows_its_own(path: str) -> None:
    assert not list(chip_types(Source(path, "isinstance(x, LoihiTarget)")))


def test_a_circle_of_imports_is_seen() -> None:
    graph = nx.DiGraph([("a", "b"), ("b", "c")])
    assert not list(circles(graph))
    graph.add_edge("c", "a")
    assert [one.reason for one in circles(graph)] == ["imports in a circle: a, b, c"]
