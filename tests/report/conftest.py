"""A small compilation made by hand: four populations, one on the host, one with a hostile name."""

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from neurocompile.diagnostics import Diagnostic, Location
from neurocompile.families.targets import load_target
from neurocompile.ir.mapping import ChipMapping, CoreId, CoreSlice, Partition, Placement
from neurocompile.ir.network import (
    Input,
    InputKind,
    Network,
    Population,
    Projection,
    Readout,
)
from neurocompile.ir.operators import Conv, Dense, identity
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi import resources
from neurocompile.passes.loihi.streams.adders import Choice
from neurocompile.passes.placing.route import route
from neurocompile.report import data
from neurocompile.semantics.loihi import LoihiNeuron
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target import Target

HOSTILE = "</script><script>alert(1)</script>\x1b[31m\u202e"
NEURON = LoihiNeuron(du=4095, dv=128, vth=100)


@dataclass(frozen=True)
class Options:
    weight_bits: int = 8
    max_cores: int | None = None


@dataclass(frozen=True)
class Stage:
    name: str
    seconds: float
    result: str


@dataclass(frozen=True)
class Spikes:
    float_spikes: int
    integer_spikes: int
    differing: int
    neuron_ticks: int

    @property
    def rate(self) -> float:
        return self.integer_spikes / self.neuron_ticks

    @property
    def agreement(self) -> float:
        return 1 - self.differing / self.float_spikes


@dataclass(frozen=True)
class Fidelity:
    samples: int
    populations: Mapping[str, Spikes]
    same_argmax: Mapping[str, int]


@dataclass(frozen=True)
class PopulationComparison:
    name: str
    neurons: int
    spikes: int
    differences: int
    sums: int = 0


@dataclass(frozen=True)
class Verified:
    samples: int
    ticks: int
    populations: tuple[PopulationComparison, ...]
    summary: str


@dataclass(frozen=True)
class Pruned:
    def to_json(self) -> data.Data:
        return {"tokens": {"kept": [0, 2, 3], "given": 4, "siv": 0.875}, "ticks": None,
                "neurons": {"before": 80, "after": 60}, "synapses": {"before": 400, "after": 300},
                "populations": [{"name": "head", "before": 40, "after": 30}]}


@dataclass(frozen=True)
class Compilation:
    target: Target
    options: Options
    floating: Network
    network: Network
    schedule: Schedule
    mapping: ChipMapping
    usage: resources.Usage
    stages: tuple[Stage, ...]
    fidelity: Fidelity | None = None
    streams: Choice | None = None
    pruning: Pruned | None = None
    diagnostics: tuple[Diagnostic, ...] = field(default=())


def network() -> Network:
    conv = Conv((2, 8, 8), (4, 8, 8), np.full((4, 2, 3, 3), 2, np.int32), (1, 1), (1, 1))
    fc = Dense((4, 8, 8), (300,), np.full((300, 256), 2, np.int32))
    head = Dense((300,), (10,), np.full((10, 300), 2, np.int32))
    return Network(
        (Input("x", (2, 8, 8), InputKind.SPIKES),),
        (Population("coder", (2, 8, 8), NEURON, on_host=True),
         Population("conv.lif", (4, 8, 8), NEURON, where=Location("conv.lif", "net.py", 7)),
         Population(HOSTILE, (300,), replace(NEURON, reset=Reset.SOFT)),
         Population("head", (10,), NEURON)),
        (Projection("coder", "conv.lif", conv), Projection("conv.lif", HOSTILE, fc),
         Projection(HOSTILE, "head", head)),
        (Readout("mean", (10,), ((HOSTILE, head),), np.zeros(10)),
         Readout("total", (10,), (("head", identity((10,))),), np.zeros(10), accumulator="head")), 4)


def floating(integer: Network) -> Network:
    return replace(integer, populations=tuple(
        replace(p, neuron=FloatNeuron("LIF", 0.9, 1.0, True, p.neuron.reset))
        for p in integer.populations))


def by_hand(net: Network) -> Partition:
    """One core of two populations, seven of the third: no search whose outcome may change."""
    on_chip = [p for p in net.populations if not p.on_host]
    edges = [0, 46, 92, 138, 184, 230, 276, 300]
    return Partition(
        {p.name: np.arange(p.size) for p in on_chip}, {p.name: "chw" for p in on_chip},
        ((CoreSlice("conv.lif", 0, 256), CoreSlice("head", 0, 10)),
         *((CoreSlice(HOSTILE, a, b),) for a, b in itertools.pairwise(edges))))


def compilation(sample: bool = True) -> Compilation:
    target = load_target("loihi1")
    core = replace(target.core, synapse_memory=replace(target.core.synapse_memory, value=100_000))
    target = replace(target, core=core, accounting={
        "nengo-loihi": target.accounting["nengo-loihi"]})
    net = network()
    parts = by_hand(net)
    placed = Placement(tuple(CoreId(0, k % 3, k // 3) for k in range(len(parts.cores))))
    rates = {p.name: 0.25 for p in net.populations} if sample else None
    mapping = ChipMapping(parts, placed, route(net, parts, placed, target, rates))
    spikes = {p.name: Spikes(p.size * 10, p.size * 9, p.size, p.size * 64) for p in net.populations}
    return Compilation(
        target, Options(), floating(net), net,
        Schedule({"x": 0, "coder": 0, "conv.lif": 0, HOSTILE: 1, "head": 2}, 4), mapping,
        resources.count(net, parts, target, 8), (Stage("check", 0.125, "0 findings"),),
        Fidelity(16, spikes, {"mean": 15}) if sample else None)


def findings() -> list[Diagnostic]:
    """A warning, four errors of one kind in repeated blocks, an error without a place."""
    attention = [
        Diagnostic("NC120", Location(f"block.{k}.attn", "net.py", 3), {"op": "MatMul"},
                   notes=("`q` and `k` both depend on spikes",)) for k in (0, 2, 10, 1)]
    return [
        Diagnostic("NC302", Location("fc", "net.py", 2),
                   {"share": 0.0104, "projection": "a -> b", "bits": 8}),
        *attention,
        Diagnostic("NC002", Location(file="a,b:c.toml"),
                   {"path": "a,b:c.toml", "key": "x\ny", "error": "100%"}),
    ]


@pytest.fixture(scope="session")
def compiled() -> Compilation:
    return compilation()


@pytest.fixture
def found() -> list[Diagnostic]:
    return findings()


@pytest.fixture(scope="session")
def verified() -> Verified:
    return Verified(16, 4, (PopulationComparison("conv.lif", 256, 500, 0), PopulationComparison(HOSTILE, 300, 0, 0)),
                    "verified on 16 samples, 64 ticks, 500 spikes: 0 differences")


@pytest.fixture(scope="session")
def hostile() -> str:
    return HOSTILE


@pytest.fixture(scope="session")
def pruned() -> Compilation:
    """The same, as if something had been pruned."""
    return replace(compilation(), pruning=Pruned())


@pytest.fixture(scope="session")
def unmeasured() -> Compilation:
    """The same without a sample."""
    return compilation(sample=False)


@pytest.fixture(scope="session")
def wide() -> data.Data:
    """resources.json of 2,000 cores with long names."""
    made = data.resources_json(compilation())
    cores = []
    for k in range(2000):
        core = made["cores"][k % len(made["cores"])]
        slices = [{**piece, "population": "head"} for piece in core["slices"]] * 2
        cores.append({**core, "core": k, "chip": k // 128, "x": k % 128 % 8, "y": k % 128 // 8,
                      "slices": slices})
    return {**made, "cores": cores}


@pytest.fixture
def golden():
    """Compares a text with a file; NEUROCOMPILE_UPDATE_GOLDEN=1 writes it instead."""
    def check(path: Path, text: str) -> None:
        if os.environ.get("NEUROCOMPILE_UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text + "\n"
    return check
