"""Every illegal operator at every position of legal networks is reported where it stands."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("spikingjelly.activation_based.neuron")
pytest.importorskip("snntorch")

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import Diagnostic, Severity, UsageError
from neurocompile.ir.graph import Graph
from neurocompile.passes.legality import check_graph
from tests.properties import legal_nets, mutations
from tests.properties.mutant import LINE, MODULE, Unfit
from tests.properties.mutations import OPERATORS, Position, injection, positions

NAMES = [make.__name__ for make in legal_nets.NETS]
QUICK = ("DenseNet", "ConvNet", "MembraneShortcut", "LeakyLoop")  # the rest with the slow tests
# All activations take one path through the checker: all of them in two networks, some in the rest.
SOME = {"Relu", "Gelu", "Sigmoid", "Tanh", "Softmax", "Exp", "Sqrt", "Abs", "Round", "Sin"}
EVERYWHERE = {name for name in OPERATORS if name in SOME or name not in mutations.ACTIVATIONS}
OUTSIDE = {"Softmax", "LayerNorm", "divide by the sum", "Q K^T", "outer product", "mask", "where by data",
           "mask by a population", "MaxPool", "ReduceMax", "sort", "mean over time", "last tick",
           "weights over time", "mean over the batch", "flipped batch", "residual", "unknown"}


@pytest.fixture(scope="session")
def legal() -> dict[str, Graph]:
    return legal_nets.graphs()


def expected(name: str, position: Position) -> list[str]:
    """The codes of an operator at a position, each once."""
    _, spikes, currents = OPERATORS[name]
    if position.counts and (
            name in mutations.ELEMENTWISE | {"Mod"} or spikes != currents):
        raise Unfit  # affine on some counts, and like spikes on some
    codes = (spikes if position.spikes else currents).split()
    if position.spikes and name in mutations.ELEMENTWISE - mutations.INFINITE:
        return []
    if position.where == "encoder":  # the host computes what is before the first neuron
        return codes if name == "mask by a population" else []  # it brings a neuron along
    if position.where == "readout" and codes != ["NC113"]:  # samples are never mixed
        return ["NC129"] if name in mutations.NO_READOUTS else []  # all else is a program of the host
    return codes


def accusations(graph: Graph) -> list[Diagnostic]:
    """Findings that weigh: notes accuse nobody."""
    return [d for d in check_graph(graph) if d.level > Severity.NOTE]


def wrong(graph: Graph, position: Position, name: str, loop: bool) -> str | None:
    """What is wrong about the findings of one mutant; raises Unfit."""
    codes = expected(name, position)
    with injection(graph, position, OPERATORS[name][0], legal_nets.T, legal_nets.B, loop):
        findings = accusations(graph)
    here = all((d.where.module, d.where.line) == (MODULE, LINE) for d in findings)
    if here and sorted(d.code for d in findings) == codes:
        return None
    return f"{name} at {position.value.name}: {[(d.code, str(d.where)) for d in findings]}"


def mutants(graph: Graph, net: str, where: str, names: set[str]) -> Counter[str]:
    """Runs all of them; how often each operator had a place."""
    places: Counter[str] = Counter()
    faults = []
    for position in positions(graph):
        for name in sorted(names) if position.where == where else ():
            try:
                faults.append(wrong(graph, position, name, net in legal_nets.LOOPS))
            except Unfit:
                continue
            places[name] += 1
    assert [fault for fault in faults if fault] == []
    return places


def test_there_are_enough_operators_and_networks() -> None:
    assert len(OPERATORS) >= 60
    assert len(NAMES) >= 10
    codes = {code for _, s, c in OPERATORS.values() for code in (*s.split(), *c.split())}
    assert codes == {"NC104", "NC110", "NC113", *(f"NC{n}" for n in range(120, 128))}


@pytest.mark.parametrize("net", NAMES)
def test_legal_networks_have_no_findings(legal: dict[str, Graph], net: str) -> None:
    assert accusations(legal[net]) == []


@pytest.mark.parametrize("net", [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES])
def test_between_neurons(legal: dict[str, Graph], net: str) -> None:
    names = set(OPERATORS) if net in ("DenseNet", "ConvNet") else EVERYWHERE
    places = mutants(legal[net], net, "between", names)
    assert min(places.values()) >= 1
    assert sum(places.values()) >= 250
    assert accusations(legal[net]) == []  # the mutations left nothing behind
    if net not in legal_nets.LOOPS:
        assert len(places) >= len(names) - 12  # those that need tokens or images do not fit
    else:
        assert len(places) >= 35


@pytest.mark.parametrize("where", ["encoder", "readout"])
@pytest.mark.parametrize("net", ["ConvNet", "TokenMixer", "Bypass", "LeakyLoop"])
def test_outside(legal: dict[str, Graph], net: str, where: str) -> None:
    assert sum(mutants(legal[net], net, where, OUTSIDE & set(OPERATORS)).values()) >= 10


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(4, 4), legal_nets.lif()

    def forward(self, x: Tensor) -> Tensor:
        s = self.lif1(self.fc1(x))
        if s.sum() > 3:
            s = -s
        return s


def test_a_branch_on_data_is_refused_at_export() -> None:
    with pytest.raises(UsageError) as error:
        capture(Branching(), torch.rand(3, 2, 4))
    assert [d.code for d in error.value.diagnostics] == ["NC104"]
