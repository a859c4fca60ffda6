"""Cores and messages of the four networks of `mapping_nets`, ours and graph partitioners'.

Run: python -m benchmarks.mapping [--seconds N] [--methods ours,...] [--encoding E]
         [--accounting A] [NAME ...]
Loihi 1, dense 8-bit lists as nengo-loihi counts them, none shared, every neuron fires once.
`bound`: cores that any mapping needs. `over`: cores over a limit, by the recount. CPU seconds are
those of partition and refine (or of the other partitioner's own call), without building the network
and compiling kernels. mt-kahypar and METIS run where `mtkahypar` and `pymetis` are installed. Each
run has a process of its own, one thread, and at most N seconds (default 600). Another encoding than
dense, or accounting than nengo-loihi (`all`: the strictest of the target), is for our partitioner
only, and has no bars; seconds then include the choice of encodings.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import get_args

from benchmarks import mapping_nets, mapping_rivals
from neurocompile.families.targets import load_target
from neurocompile.ir.mapping import Partition
from neurocompile.ir.network import Encoding, Network
from neurocompile.passes.loihi.mapping.encode import encode
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.mapping.recount import recount_partition
from neurocompile.passes.loihi.mapping.refine import refine
from neurocompile.passes.loihi.resources import into_chip, lower_bound
from neurocompile.target.loihi import LoihiTarget

# cores, messages, CPU seconds; parts that the others are asked for (6 % more than they need)
BARS = {"mlp": (8, 2_048, 1), "vggs": (301, 342_144, 1), "mixer": (419, 376_500, 1),
        "vgg16": (2015, 3_387_648, 3)}
PARTS = {"mlp": 8, "vggs": 320, "mixer": 440, "vgg16": 2100}
MODULES = {"ours": "numba", "mt-kahypar": "mtkahypar", "metis": "pymetis"}
BITS = 8  # of a weight
PartitionAndSeconds = tuple[Partition, float]


def ours(network: Network, target: LoihiTarget) -> PartitionAndSeconds:
    """Partition and refine."""
    small = (mapping_nets.Builder(4, 6).add("a", mapping_nets.per_channel((4, 6), 4), (4, 4))
             .add("b", mapping_nets.per_channel((4, 4), 4), (4, 4)).dense("c", 3).build())
    tight = mapping_nets.with_limits(target, neurons=8)
    warm = partition(small, tight, weight_bits=BITS)  # compiles, or loads, every kernel
    refine(small, warm, tight, weight_bits=BITS)
    start = time.process_time()
    nets = into_chip(network)
    result = partition(network, target, weight_bits=BITS, nets=nets)
    result = refine(network, result, target, weight_bits=BITS, nets=nets)
    return result, time.process_time() - start


def measure(method: str, name: str, encoding: str, accounting: str) -> dict[str, float]:
    """One row of the table."""
    target = load_target("loihi1")
    if accounting != "all":
        target = mapping_nets.counted_as(target, accounting)
    network = mapping_nets.NETWORKS[name]()
    start = time.process_time()
    network = encode(network, target, encoding, BITS)
    choice = time.process_time() - start
    runs: Mapping[str, Callable[[], PartitionAndSeconds]] = {
        "ours": lambda: ours(network, target),
        "mt-kahypar": lambda: mapping_rivals.mt_kahypar(network, target, PARTS[name]),
        "metis": lambda: mapping_rivals.metis(network, target, PARTS[name])}
    result, seconds = runs[method]()
    violations = recount_partition(network, result, target, weight_bits=BITS)
    over = {d.values["core"] for d in violations if "core" in d.values}
    return {"cores": len(result.cores), "bound": max(lower_bound(network, target, BITS).values()),
            "messages": mapping_nets.messages(network, result, target), "over": len(over),
            "seconds": seconds + choice}


def _row(method: str, name: str, args: argparse.Namespace) -> dict[str, float] | str:
    command = [sys.executable, "-m", "benchmarks.mapping", "--one", method, name,
               "--encoding", args.encoding,
               "--accounting", args.accounting]
    try:
        process = subprocess.run(command, check=False, timeout=args.seconds, capture_output=True,
                              text=True)
    except subprocess.TimeoutExpired:
        return f"no result in {args.seconds:.0f} s"
    if process.returncode:
        return (process.stderr.strip().splitlines() or ["failed"])[-1]
    row: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return row


def _print_row(name: str, method: str, row: dict[str, float] | str) -> None:
    if isinstance(row, str):
        print(f"{name:6} {method:11} {row}", flush=True)
        return
    print(f"{name:6} {method:11} {row['cores']:6,.0f} {row['cores'] / row['bound']:6.2f} "
          f"{row['messages']:10,.0f} {row['over']:5.0f} {row['seconds']:8.2f}", flush=True)


def _misses(name: str, row: dict[str, float] | str) -> list[str]:
    """Which bars our own row misses."""
    if isinstance(row, str):
        return [row]
    bars = dict(zip(("cores", "messages", "seconds"), BARS[name], strict=True)) | {"over": 0}
    bars["cores"] = min(bars["cores"], int((1.34 if name == "mlp" else 1.3) * row["bound"]))
    return [f"{name}: {row[k]:,.2f} {k}, bar {limit:,}" for k, limit in bars.items()
            if row[k] > limit]


def _against(name: str, own: dict[str, float], other: dict[str, float]) -> str:
    return (f"{name:6} ours / mt-kahypar: messages {own['messages'] / other['messages']:.2f} "
            f"(bar 1.00), cores {own['cores'] / other['cores']:.2f} (0.96), "
            f"{other['seconds'] / max(own['seconds'], 1e-3):,.0f}x faster (20x)")


def main() -> int:
    """Print the table. Exit code 1: our partitioner misses a bar."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BARS))
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--methods", default=",".join(MODULES))
    parser.add_argument("--encoding", choices=(*get_args(Encoding), "auto"), default="dense")
    parser.add_argument("--accounting", choices=("nengo-loihi", "nxtf", "all"),
                        default="nengo-loihi")
    parser.add_argument("--one", metavar="METHOD", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args.names[0], args.encoding, args.accounting)))
        return 0
    with_bars = (args.encoding, args.accounting) == ("dense", "nengo-loihi")
    if not with_bars:
        args.methods = "ours"
    methods = [m for m in args.methods.split(",") if find_spec(MODULES[m]) is not None]
    print(f"not installed: {', '.join(m for m in MODULES if m not in methods) or 'none'}")
    print(f"{'':6} {'':11} {'cores':>6} {'/bound':>6} {'messages':>10} {'over':>5} {'CPU s':>8}")
    misses: list[str] = []
    for name in args.names or BARS:
        cores, messages, seconds = BARS[name]
        if with_bars:
            print(f"{name:6} {'bar':11} {cores:6,} {'':6} {messages:10,} {0:5} {seconds:8.2f}")
        rows = {method: _row(method, name, args) for method in methods}
        for method, row in rows.items():
            _print_row(name, method, row)
        own, other = rows.get("ours"), rows.get("mt-kahypar")
        if isinstance(own, dict) and isinstance(other, dict):
            print(_against(name, own, other))
        misses += _misses(name, own) if own is not None and with_bars else []
    print(*(misses or (["no bar missed"] if with_bars else [])), sep="\n")
    return 1 if misses else 0


if __name__ == "__main__":
    raise SystemExit(main())
