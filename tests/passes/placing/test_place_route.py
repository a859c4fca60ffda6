"""Placement on the mesh, routes and their loads."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from neurocompile.diagnostics import FindingsError
from neurocompile.families.routes import routes
from neurocompile.ir.mapping import ChipMapping, CoreId, CoreSlice, Partition, Placement
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.resources import count
from neurocompile.passes.placing import place as place_module
from neurocompile.passes.placing.mesh import Mesh
from neurocompile.passes.placing.place import QUIET, PlacementProblem, place
from neurocompile.passes.placing.relieve import link_loads
from neurocompile.passes.placing.route import route, route_traffic
from neurocompile.passes.placing.traffic import Traffic, core_traffic
from neurocompile.report.model.traffic import Axons, Hops, Messages
from neurocompile.target.loihi import LoihiTarget


def parts(number: int) -> Partition:
    return Partition({"a": np.arange(number)}, {"a": "chw"},
                     tuple((CoreSlice("a", k, k + 1),) for k in range(number)))


def test_snake_over_two_chips(nets: ModuleType, loihi1: LoihiTarget) -> None:
    target = nets.with_limits(loihi1, cores=5, grid_width=2, chips=2)  # the last row holds one core
    assert place(parts(7), target).cores == (
        CoreId(0, 0, 0), CoreId(0, 0, 1), CoreId(0, 0, 2), CoreId(0, 1, 1), CoreId(0, 1, 0),
        CoreId(1, 0, 0), CoreId(1, 0, 1))


def test_whole_machine_and_one_more(loihi1: LoihiTarget) -> None:
    assert len(set(place(parts(4096), loihi1).cores)) == 4096
    with pytest.raises(FindingsError) as error:
        place(parts(4097), loihi1)
    assert error.value.diagnostics[0].code == "NC501"


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


def test_routes_and_link_loads(chain: Network, four: Partition, loihi1: LoihiTarget) -> None:
    placement = Placement((CoreId(0, 14, 0), CoreId(0, 15, 2), CoreId(1, 0, 1)))
    routing = route(chain, four, placement, loihi1)
    assert not routing.measured
    pairs = zip(routing.source.tolist(), routing.destination.tolist(), routing.axons.tolist(),
                routing.messages.tolist(), routing.hops.tolist(), strict=True)
    assert list(pairs) == [
        (-1, 0, 3, 3.0, 0), (-1, 1, 3, 3.0, 0), (0, 1, 3, 3.0, 3), (0, 2, 3, 3.0, 3),
        (1, 1, 1, 1.0, 0), (1, 2, 1, 1.0, 2)]
    assert routing.link_loads == {
        "0:14,0>0:15,0": 6.0, "0:15,0>1:0,0": 3.0, "0:15,0>0:15,1": 3.0, "0:15,1>0:15,2": 3.0,
        "1:0,0>1:0,1": 3.0, "0:15,2>1:0,2": 1.0, "1:0,2>1:0,1": 1.0}
    summary = routes(routing, placement)
    assert summary.axons == Axons(off_chip=6, total=14)
    assert summary.messages == Messages(off_chip=6.0, within_cores=1.0, between_cores=7.0,
                                        between_chips=4.0)
    assert summary.hops == Hops(total=20.0, max=3, mean=2.857143, p95=3)


def test_measured_rates(chain: Network, four: Partition, loihi1: LoihiTarget) -> None:
    placement = place(four, loihi1)
    rates: dict[str, float | np.ndarray] = {
        "in": 0.5, "a": np.array([0.1, 0.0, 0.2, 0.0]), "b": 1.0}
    routing = route(chain, four, placement, loihi1, rates)
    assert routing.measured
    assert routing.axons.tolist() == [3, 3, 3, 3, 1, 1]
    assert routing.messages == pytest.approx([1.5, 1.5, 0.3, 0.3, 0.0, 0.0])
    assert not route(chain, four, placement, loihi1, {"a": 0.5}).measured


def test_link_loads_carry_every_hop(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.vggs()
    part = partition(network, loihi1)
    rates = {p.name: np.random.default_rng(0).integers(0, 65, p.size) / 64  # exact in any order
             for p in network.populations}
    routing = route(network, part, place(part, loihi1), loihi1, rates)
    assert sum(routing.link_loads.values()) == routing.messages @ routing.hops
    usage = count(network, part, loihi1)
    outward = np.bincount(routing.source[~routing.off_chip], routing.axons[~routing.off_chip],
                       len(part.cores))
    inward = np.bincount(routing.destination, routing.axons, len(part.cores))
    assert outward.tolist() == [c.output_axons for c in usage.cores]
    assert inward.tolist() == [c.input_axons for c in usage.cores]


def test_nothing_on_chip(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(3).dense("h", 2).build()
    host = replace(network, populations=(replace(network.populations[0], on_host=True),))
    part = partition(host, loihi1)
    placement = place(part, loihi1)
    mapping = ChipMapping(part, placement, route(host, part, placement, loihi1))
    assert routes(mapping.routing, placement).hops.max == 0
    assert float(mapping.routing.messages.sum()) == 0.0
    assert count(host, part, loihi1).cores == ()


def test_cores_that_send_nothing(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.Builder(3).dense("h", 2).build()
    network = replace(network, projections=())  # its currents come from the host
    part = partition(network, loihi1)
    routing = route(network, part, place(part, loihi1), loihi1)
    assert len(part.cores) == 1
    assert routing.messages.dtype == np.float64
    assert float(routing.messages.sum()) == 0.0


@pytest.fixture
def ring() -> Traffic:
    """Nine cores in a ring, every message to the fourth next: a bad order for a snake."""
    source = np.arange(9)
    return Traffic(9, source, (source + 4) % 9, np.full(9, 10), np.full(9, 10.0), False)


def square(nets: ModuleType, target: LoihiTarget, side: int) -> LoihiTarget:
    grid: LoihiTarget = nets.with_limits(target, cores=side * side, grid_width=side, chips=1,
                                         board_width=1)
    return grid


def problem(traffic: Traffic, target: LoihiTarget) -> PlacementProblem:
    mesh = Mesh.of(target)
    return PlacementProblem.of(traffic, mesh, mesh.snake(traffic.n_cores))


def test_ring_gets_a_shortest_way(nets: ModuleType, loihi1: LoihiTarget, ring: Traffic) -> None:
    target = square(nets, loihi1, 3)
    placement = place(parts(9), target, ring)
    assert len(set(placement.cores)) == 9
    hops = route_traffic(ring, placement, target).hops
    assert hops.sum() == 10  # an odd ring on a grid: one more than its length
    assert place(parts(9), target, ring).cores == placement.cores


def test_line_of_two_chips_is_cut_once(nets: ModuleType, loihi1: LoihiTarget) -> None:
    """Two cliques of four: one on each chip, whatever their numbers say."""
    clique = [[0, 2, 4, 6], [1, 3, 5, 7]]
    pairs = [(a, b) for c in clique for a in c for b in c if a != b] + [(0, 1)]
    source, destination = np.array(sorted(pairs)).T
    ones = np.ones(len(source))
    traffic = Traffic(8, source, destination, ones.astype(int), ones, False)
    target = nets.with_limits(loihi1, cores=4, grid_width=2, chips=2, board_width=2)
    placement = place(parts(8), target, traffic)
    assert {frozenset(placement.cores[k].chip for k in c) for c in clique} == {
        frozenset({0}), frozenset({1})}


def test_never_worse_than_the_best_start(nets: ModuleType, loihi1: LoihiTarget) -> None:
    network = nets.vggs()
    part = partition(network, loihi1)
    rates = {p.name: np.random.default_rng(0).random(p.size) for p in network.populations}
    traffic = core_traffic(network, part, rates)
    task = problem(traffic, loihi1)
    starts = task.starts()
    for at in starts.values():
        assert len(set(at.tolist())) == len(part.cores)
    placement = place(part, loihi1, traffic)
    assert list(recount_partition(network, part, loihi1, placement=placement)) == []
    assert {c.chip for c in placement.cores} == {0, 4, 8}  # a board of four chips a row
    solution = task.solve()
    best = min(starts.values(), key=task.way)
    assert task.way(solution) < 0.9 * task.way(best)
    assert task.peak(solution) < 0.9 * task.peak(best)
    assert solution.tolist() == task.solve().tolist()


def test_more_cores_are_pulled_together(loihi1: LoihiTarget,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    source = np.arange(299)
    order = np.random.default_rng(0).permutation(300)
    ones = np.ones(299)
    traffic = Traffic(300, order[source], order[source + 1], ones.astype(int), ones, False)
    task = problem(traffic, loihi1)
    at = np.random.default_rng(1).permutation(len(task.x))[:300]
    monkeypatch.setattr(place_module, "MANY", 100)
    solution = task.improve(at)
    assert len(set(solution.tolist())) == 300
    assert task.way(solution) < 0.5 * task.way(at)


def test_loads_of_both_counters_agree(nets: ModuleType, loihi1: LoihiTarget) -> None:
    rng = np.random.default_rng(0)
    source, destination = np.divmod(rng.choice(400, 60, replace=False), 20)
    amount = rng.integers(1, 9, 60)
    traffic = Traffic(20, source, destination, amount, amount.astype(float), False)
    target = nets.with_limits(loihi1, cores=6, grid_width=3, chips=4, board_width=2)
    mesh = Mesh.of(target)
    slots = mesh.snake(20)
    routing = route_traffic(traffic, Placement(tuple(slots[:20])), target)
    task = problem(traffic, target)
    loads = link_loads(task.ptr, task.ids, task.outward, np.arange(20), task.column, task.row,
                       *task.grid.shape)
    assert sum(routing.link_loads.values()) == routing.messages @ routing.hops
    assert sorted(routing.link_loads.values()) == pytest.approx(
        sorted(loads[loads > 0] / (1 + QUIET)))


def test_board_of_chips(nets: ModuleType, loihi1: LoihiTarget) -> None:
    mesh = Mesh.of(nets.with_limits(loihi1, cores=5, grid_width=2, chips=4, board_width=2))
    cores = mesh.snake(20)
    assert len(set(cores)) == 20
    columns, rows = mesh.position(cores)
    assert [mesh.core(*at) for at in zip(columns.tolist(), rows.tolist(), strict=True)] == cores
    assert (columns.max(), rows.max()) == (3, 5)  # two chips of two columns, of three rows
    assert mesh.position([CoreId(3, 1, 0)])[0].tolist() == [3]
