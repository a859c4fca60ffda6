"""Mapping of a network of 3.6 million neurons and 2.1 billion synapses: time and memory by stage.

Run: python -m benchmarks.scale
Loihi 1's cores, dense 8-bit lists, none shared, 768 chips. CPU seconds of this process, kernels
compiled or loaded beforehand. Exit code 1: more than 60 s, more than 2 GB, or a limit violated.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import TypeVar

from benchmarks import mapping_nets
from neurocompile.families.targets import load_target
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.mapping.refine import refine
from neurocompile.passes.loihi.resources import into_chip, lower_bound, n_synapses
from neurocompile.passes.placing.place import place
from neurocompile.passes.placing.route import route_traffic
from neurocompile.passes.placing.traffic import core_traffic
from neurocompile.target import Target

SECONDS, MEGABYTES, CHIPS = 60, 2048, 768
T = TypeVar("T")


def _measure(name: str, run: Callable[[], T]) -> T:
    start = time.process_time()
    result = run()
    print(f"{name:10} {time.process_time() - start:6.1f} s CPU", flush=True)
    return result


def measure(network: Network, target: Target) -> int:
    """Map a network; returns how many findings the recount has."""
    nets = _measure("nets", lambda: into_chip(network))
    first = _measure("partition", lambda: partition(network, target, nets=nets))
    parts = _measure("refine", lambda: refine(network, first, target, nets=nets))
    traffic = _measure("traffic", lambda: core_traffic(network, parts, nets=nets))
    placement = _measure("place", lambda: place(parts, target, traffic))
    routing = _measure("route", lambda: route_traffic(traffic, placement, target))
    violations = _measure("recount", lambda: list(recount_partition(
        network, parts, target, placement=placement)))
    print(f"{len(parts.cores):,} cores, {float(routing.messages.sum()):,.0f} messages, "
          f"{len(violations)} violations")
    return len(violations)


def main() -> int:
    """Print the table."""
    target = mapping_nets.with_limits(load_target("loihi1"), chips=CHIPS)
    small = mapping_nets.mixer()
    warm = partition(small, target)  # compiles, or loads, every kernel
    traffic = core_traffic(small, refine(small, warm, target))
    list(recount_partition(small, warm, target,
                           placement=place(warm, target, traffic)))
    network = mapping_nets.large()
    print(f"{sum(p.size for p in network.populations):,} neurons, {n_synapses(network):,} synapses, "
          f"at least {max(lower_bound(network, target, 8).values()):,} cores")
    start = time.process_time()
    violations = measure(network, target)
    seconds = time.process_time() - start
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{seconds:.1f} s CPU (bar {SECONDS}), {megabytes:,} MB (bar {MEGABYTES:,})")
    return int(violations > 0 or seconds > SECONDS or megabytes > MEGABYTES)


if __name__ == "__main__":
    raise SystemExit(main())
