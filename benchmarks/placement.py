"""Placement of the four mapping networks: way of messages, busiest link and CPU seconds.

Run: python -m benchmarks.placement [NAME ...]. The networks are those of `mapping_nets`, refined;
every source spikes in every tick. Two meshes: a square of ceil(sqrt(cores)) a side, for which the
bars are, and loihi1's board. On the board hops are plain ones, without the price of chip borders.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace

import numpy as np

from benchmarks import mapping_nets
from neurocompile.families.routes import routes
from neurocompile.families.targets import load_target
from neurocompile.ir.mapping import CoreId, Partition, Placement
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.mapping.refine import refine
from neurocompile.passes.placing.mesh import Mesh
from neurocompile.passes.placing.place import PlacementProblem, place
from neurocompile.passes.placing.route import route_traffic
from neurocompile.passes.placing.traffic import Traffic, core_traffic
from neurocompile.target import Target

BARS = {"vggs": 1.17e6, "mixer": 2.04e6, "vgg16": 2.50e7}  # hops of messages, square mesh


def main(names: list[str]) -> int:
    """Print the table; 1 if a bar is missed."""
    board, misses = mapping_nets.counted_as(load_target("loihi1"), "nengo-loihi"), False
    place(*_warm_up())  # compiles what runs below
    print(f"{'network':8}{'cores':>6}  {'mesh':8}{'placement':12}{'hops':>12}{'mean':>7}{'p95':>5}"
          f"{'max link':>10}{'CPU s':>7}")
    for name in names or list(mapping_nets.NETWORKS):
        network = mapping_nets.NETWORKS[name]()
        part = refine(network, partition(network, board, weight_bits=8), board)
        traffic = core_traffic(network, part)
        for mesh, target in (("square", _square(board, len(part.cores))), ("board", board)):
            total = _rows(name, mesh, part, traffic, target)
            misses |= mesh == "square" and total > BARS.get(name, math.inf)
        violations = list(recount_partition(network, part, board,
                                            placement=place(part, board, traffic)))
        misses |= bool(violations)
        bar = f"bar {BARS[name]:,.0f} hops on the square; " if name in BARS else ""
        print(f"{name}: {bar}{len(violations)} violations on the board")
    return int(misses)


def _rows(name: str, mesh: str, part: Partition, traffic: Traffic, target: Target) -> float:
    """Print starts and result on one mesh; the hops of the result."""
    slots = Mesh.of(target).snake(traffic.n_cores)
    problem = PlacementProblem.of(traffic, Mesh.of(target), slots)
    placements = {key: _at(slots, at) for key, at in problem.starts().items()}
    start = time.process_time()
    placements["placed"] = place(part, target, traffic)
    seconds = f"{time.process_time() - start:7.2f}"
    for key, placement in placements.items():
        routing = route_traffic(traffic, placement, target)
        hops = routes(routing, placement).hops
        print(f"{name:8}{traffic.n_cores:6}  {mesh:8}{key:12}{hops.total:12,.0f}"
              f"{hops.mean:7.2f}{hops.p95:5}{max(routing.link_loads.values()):10,.0f}"
              f"{seconds if key == 'placed' else ''}", flush=True)
    return hops.total


def _at(slots: list[CoreId], at: np.ndarray) -> Placement:
    return Placement(tuple(slots[s] for s in at.tolist()))


def _square(board: Target, cores: int) -> Target:
    side = math.ceil(math.sqrt(cores))
    sizes = {"cores": side * side, "grid_width": side, "chips": 1, "board_width": 1}
    chip = {key: replace(getattr(board.chip, key), value=v) for key, v in sizes.items()}
    return replace(board, chip=replace(board.chip, **chip))


def _warm_up() -> tuple[Partition, Target, Traffic]:
    ring = np.arange(9)
    traffic = Traffic(9, ring, (ring + 4) % 9, np.ones(9, np.int64), np.ones(9), False)
    return Partition({}, {}, ((),) * 9), load_target("loihi1"), traffic


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
