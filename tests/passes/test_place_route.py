"""Placement on the mesh, routes and their loads, and mapping.json."""

import json
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from neurocompile.diagnostics import FindingsError
from neurocompile.ir.network import Network
from neurocompile.mapping import ChipMapping, CoreId, CoreSlice, Partition, Placement
from neurocompile.passes.mapping.neuron_orders import neuron_order
from neurocompile.passes.mapping.partition import partition
from neurocompile.passes.mapping.place import place
from neurocompile.passes.mapping.route import route
from neurocompile.resources import count
from neurocompile.target import Target


def parts(number: int) -> Partition:
    return Partition({"a": np.arange(number)}, {"a": "chw"},
                     tuple((CoreSlice("a", k, k + 1),) for k in range(number)))


def test_snake_over_two_chips(nets: ModuleType, loihi1: Target) -> None:
    target = nets.limited(loihi1, cores=5, grid_width=2, chips=2)  # the last row holds one core
    assert place(parts(7), target).cores == (
        CoreId(0, 0, 0), CoreId(0, 0, 1), CoreId(0, 0, 2), CoreId(0, 1, 1), CoreId(0, 1, 0),
        CoreId(1, 0, 0), CoreId(1, 0, 1))


def test_whole_machine_and_one_more(loihi1: Target) -> None:
    assert len(set(place(parts(4096), loihi1).cores)) == 4096
    with pytest.raises(FindingsError) as caught:
        place(parts(4097), loihi1)
    assert caught.value.diagnostics[0].code == "NC501"


@pytest.fixture
def chain(nets: ModuleType) -> Network:
    """Three inputs to `a` (4) to `b` (2)."""
    net: Network = nets.Builder(3).dense("a", 4).dense("b", 2).build()
    return net


@pytest.fixture
def four(chain: Network) -> Partition:
    """`a` on cores 0 and 1, `b` on cores 2 and 1."""
    return Partition({"a": np.arange(4), "b": np.arange(2)}, {"a": "chw", "b": "chw"}, (
        (CoreSlice("a", 0, 3),), (CoreSlice("a", 3, 4), CoreSlice("b", 1, 2)),
        (CoreSlice("b", 0, 1),)))


def test_routes_and_link_loads(chain: Network, four: Partition, loihi1: Target) -> None:
    placement = Placement((CoreId(0, 14, 0), CoreId(0, 15, 2), CoreId(1, 0, 1)))
    routing = route(chain, four, placement, loihi1)
    assert not routing.measured
    pairs = zip(routing.source.tolist(), routing.destination.tolist(), routing.axons.tolist(),
                routing.messages.tolist(), routing.hops.tolist(), strict=True)
    assert list(pairs) == [
        (-1, 0, 3, 3.0, 0), (-1, 1, 3, 3.0, 0), (0, 1, 3, 3.0, 3), (0, 2, 3, 3.0, 3),
        (1, 1, 1, 1.0, 0), (1, 2, 1, 1.0, 2)]
    assert routing.link_load == {
        "0:14,0>0:15,0": 6.0, "0:15,0>1:0,0": 3.0, "0:15,0>0:15,1": 3.0, "0:15,1>0:15,2": 3.0,
        "1:0,0>1:0,1": 3.0, "0:15,2>1:0,2": 1.0, "1:0,2>1:0,1": 1.0}
    summary = routing.summary(placement)
    assert summary["axons"] == {"off_chip": 6, "total": 14}
    assert summary["messages"] == {"off_chip": 6.0, "within_cores": 1.0, "between_cores": 7.0,
                                   "between_chips": 4.0}
    assert summary["hops"] == {"total": 20.0, "max": 3, "mean": 2.857143, "p95": 3}


def test_measured_rates(chain: Network, four: Partition, loihi1: Target) -> None:
    placement = place(four, loihi1)
    rates = {"in": 0.5, "a": np.array([0.1, 0.0, 0.2, 0.0]), "b": 1.0}
    routing = route(chain, four, placement, loihi1, rates)
    assert routing.measured
    assert routing.axons.tolist() == [3, 3, 3, 3, 1, 1]
    assert routing.messages == pytest.approx([1.5, 1.5, 0.3, 0.3, 0.0, 0.0])
    assert not route(chain, four, placement, loihi1, {"a": 0.5}).measured


def test_link_loads_carry_every_hop(nets: ModuleType, loihi1: Target) -> None:
    network = nets.vggs()
    part = partition(network, loihi1)
    rates = {p.name: np.random.default_rng(0).random(p.size) for p in network.populations}
    routing = route(network, part, place(part, loihi1), loihi1, rates)
    assert sum(routing.link_load.values()) == pytest.approx(routing.messages @ routing.hops)
    usage = count(network, part, loihi1)
    sent = np.bincount(routing.source[~routing.off_chip], routing.axons[~routing.off_chip],
                       len(part.cores))
    received = np.bincount(routing.destination, routing.axons, len(part.cores))
    assert sent.tolist() == [c.output_axons for c in usage.cores]
    assert received.tolist() == [c.input_axons for c in usage.cores]


def test_mapping_json(nets: ModuleType, loihi1: Target) -> None:
    network = nets.Builder(2, 8, 8).conv("a", 16).conv("b", 8, 2).dense("c", 10).build()
    target = nets.limited(loihi1, neurons=200)

    def once() -> str:
        part = partition(network, target)
        placement = place(part, target)
        mapping = ChipMapping(part, placement, route(network, part, placement, target))
        usage = count(network, part, target)
        return json.dumps(mapping.to_json([c.to_json() for c in usage.cores]))

    data = json.loads(once())
    assert once() == once()
    placed = {p.name: np.zeros(p.size, int) for p in network.populations}
    for number, core in enumerate(data["cores"]):
        assert core["core"] == number
        assert set(core) == {"core", "chip", "x", "y", "slices", "usage"}
        assert core["usage"]["neurons"] == sum(s["stop"] - s["start"] for s in core["slices"])
        for piece in core["slices"]:
            shape = network.population(piece["population"]).shape
            assert data["populations"][piece["population"]]["order"] == piece["order"]
            neurons = neuron_order(shape, piece["order"])[piece["start"]:piece["stop"]]
            placed[piece["population"]][neurons] += 1
    assert all(np.all(copies == 1) for copies in placed.values())
    assert data["routing"]["measured"] is False
    assert data["routing"]["links"]["used"] > 0


def test_nothing_on_chip(nets: ModuleType, loihi1: Target) -> None:
    network = nets.Builder(3).dense("h", 2).build()
    host = replace(network, populations=(replace(network.populations[0], on_host=True),))
    part = partition(host, loihi1)
    placement = place(part, loihi1)
    mapping = ChipMapping(part, placement, route(host, part, placement, loihi1))
    assert mapping.to_json([])["cores"] == []
    assert float(mapping.routing.messages.sum()) == 0.0
    assert count(host, part, loihi1).cores == ()


def test_cores_that_send_nothing(nets: ModuleType, loihi1: Target) -> None:
    network = nets.Builder(3).dense("h", 2).build()
    network = replace(network, projections=())  # its currents come from the host
    part = partition(network, loihi1)
    routing = route(network, part, place(part, loihi1), loihi1)
    assert len(part.cores) == 1
    assert routing.messages.dtype == np.float64
    assert float(routing.messages.sum()) == 0.0
