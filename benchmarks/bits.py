"""Accuracy by bits of a weight: the trained examples, calibrated on training images without labels.

Run: python -m benchmarks.bits [NAME ...] [--bits 8 6 4 3 2 search] [--images 10000] [--samples 128] [--write]

`local` is the share of a population's spikes that stay the same when its sources send the float
network's spikes, over 256 test images: the mean of all populations, and the least. CPU seconds are
those of the calibration: running the float network, choosing scales, rounding. Nothing is mapped.
With `search` it is `--weight-bits search` on labeled training images, and all that it makes. `--write`
puts the rows into docs/bits.md, in the place of those of the same network and bits.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from benchmarks.mnist_accuracy import FOLDERS, load_trained
from examples.mnist import data
from examples.stmixer import small_nets
from neurocompile.backends import synchronous
from neurocompile.capture.torch_model import capture
from neurocompile.config import ModelEntry, load_config
from neurocompile.families.loihi.bit_search import Search
from neurocompile.families.stages import observe
from neurocompile.families.targets import load_target
from neurocompile.ir.network import Input, InputKind, Network, Population
from neurocompile.ir.operators import Array
from neurocompile.option_values import SEARCH
from neurocompile.options import Options
from neurocompile.passes.loihi.accumulate import accumulate
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.loihi.split import split
from neurocompile.passes.loihi.streams.adders import build_streams
from neurocompile.passes.lowering.lower import lower
from neurocompile.target.loihi import LoihiTarget

BITS = (8, 6, 4, 3, 2)
DOCS = Path(__file__).parents[1] / "docs/bits.md"
LOCAL = 256  # test images that local agreement is measured on
SEARCH_SAMPLES = 2000  # labeled training images that a search is made on
SEARCH_LOSS = 0.25  # points that it may lose there: half of what others may


@dataclass(frozen=True, eq=False)
class Case:
    """An example's float network with images [images, *shape]."""

    name: str
    network: Network
    training: Array
    training_labels: Array
    test: Array
    labels: Array

    @cached_property
    def source(self) -> str:
        """The name of its input."""
        return next(i.name for i in self.network.inputs if i.kind is not InputKind.ONE)

    @cached_property
    def accuracy(self) -> float:
        """Of the float network."""
        return self.right(self.network)

    def right(self, network: Network) -> float:
        """The share of test images that a network gets right."""
        values, = synchronous.outputs(network, {self.source: self.test}).values()
        return float(np.mean(values.argmax(1) == self.labels))


@dataclass(frozen=True, slots=True)
class Line:
    """A network with so many bits, or with those that a search chose."""

    bits: str
    accuracy: float
    local: Mapping[str, float]  # by population
    seconds: float


def load_case(entry: ModelEntry, samples: int, images: int) -> Case:
    """An example with training images for calibration and test images."""
    (training, learnt), (test, labels) = (
        [np.asarray(array)[:count] for array in data.load_mnist(split)]
        for split, count in (("train", samples), ("test", images)))
    if entry.input.shape != test.shape[1:]:
        training, test = (small_nets.upscale(torch.as_tensor(x)).numpy() for x in (training, test))
    graph = capture(load_trained(entry), torch.as_tensor(training[:4]))
    network, _ = lower(graph, entry.options.get("allow", ()))
    return Case(entry.name, network, training, learnt, test, labels)


def measure(case: Case, bits: int | str, samples: int) -> Line:
    """The case with so many bits for each weight, or with those that a search finds."""
    target = load_target("loihi2")
    if not isinstance(target, LoihiTarget):
        raise TypeError(target.family)
    options = Options(weight_bits=bits, search_loss=SEARCH_LOSS).with_usual_bits(8)
    floating, _ = build_streams(case.network, target, options.streams, options.bits)
    floating, _ = split(floating, target, options.bits)
    floating, _ = accumulate(floating, options.readout, target, options.bits)
    start, words = time.process_time(), str(bits)
    count = SEARCH_SAMPLES if bits == SEARCH else samples
    observation = observe(floating, {case.source: case.training[:count]})
    choice: Mapping[str, int] = {}
    if bits == SEARCH and observation.run is not None and observation.values is not None:
        search = Search(floating, target, options, {case.source: case.training[:count]},
                        case.training_labels[:count], observation.run, observation.values)
        choice = search.best()
        words = search.summary(choice).replace(" bits on average, ", " (") + ")"
    network = LoihiQuantizer(options.bits, observations=observation.values, bits_of=choice).quantize(
        floating, target).network
    seconds = time.process_time() - start
    local = local_agreement(floating, network, {case.source: case.test[:LOCAL]})
    return Line(words, case.right(network), local, seconds)


def local_agreement(floating: Network, network: Network, inputs: Mapping[str, Array]
                    ) -> dict[str, float]:
    """The share of spikes of each population that stay the same on the float network's spikes."""
    spikes = synchronous.run(floating, inputs).spikes
    shares = {}
    for population in network.populations:
        if population.graded or population.name in network.accumulators:
            continue
        before, after = spikes[population.name], _alone(network, population, inputs, spikes)
        differing, total = int((before != after).sum()), int(before.sum())
        shares[population.name] = 1 - differing / max(total, differing, 1)
    return shares


def _alone(network: Network, population: Population, inputs: Mapping[str, Array],
           spikes: Mapping[str, Array]) -> Array:
    """What a population sends when others send these spikes; adders add them up."""
    names = list(_with_adders(network, population.name))
    into = [p for name in names for p in network.into(name)]
    senders = {p.source: network.sources()[p.source] for p in into}
    others = [s for name, s in senders.items() if isinstance(s, Population) and name not in names]
    spiking = tuple(Input(o.name, o.shape, InputKind.SPIKES, levels=1) for o in others)
    part = replace(
        network, inputs=network.inputs + spiking, projections=tuple(into), readouts=(),
        populations=tuple(p for p in network.populations if p.name in names),
        encoders=tuple(e for e in network.encoders if e.target in names))
    trains = {o.name: spikes[o.name].reshape(*spikes[o.name].shape[:2], *o.shape) for o in others}
    return synchronous.run(part, {**inputs, **trains}).spikes[population.name]


def _with_adders(network: Network, name: str) -> Iterator[str]:
    """A population, and the adders whose sums reach it."""
    yield name
    for projection in network.into(name):
        source = network.sources()[projection.source]
        if isinstance(source, Population) and source.graded:
            yield from _with_adders(network, source.name)


COLUMNS = ("network", "images", "float", "bits", "accuracy", "loss", "local", "least", "CPU s")
PAGE = """# Accuracy by bits of a weight

Written by `python -m benchmarks.bits --write`. The examples for Loihi 2, calibrated on {samples} training
images without labels, tested on test images; figures in percent. *Local* is the share of a population's
spikes that stay the same when its sources send the float network's spikes, over {local} test images:
the mean of all populations, and the least. *CPU s* is what the calibration takes: running the float
network, choosing scales, rounding. A row is there where a network was run with those bits.

{table}

## Searched

`--weight-bits search --search-loss {search_loss}` on {searched:,} labeled training images: at most so many points
of accuracy there, half of what may be lost on others, and at most 20 % of a population's spikes. *Bits*
are the mean of all synapses, and the least and the most of a population. *CPU s* is the whole search.

{searches}
"""


def row(case: Case, line: Line) -> tuple[str, ...]:
    """A line's cells, of `COLUMNS`."""
    local = list(line.local.values())
    return (case.name, f"{len(case.test):,}", f"{100 * case.accuracy:.2f}", line.bits,
            f"{100 * line.accuracy:.2f}", f"{100 * (case.accuracy - line.accuracy):.2f}",
            f"{100 * np.mean(local):.2f}", f"{100 * min(local):.2f}", f"{line.seconds:.1f}")


def page(rows: Sequence[tuple[str, ...]], names: Sequence[str], samples: int) -> str:
    """The page of the documentation; networks in the order of `names`."""
    place = {name: number for number, name in enumerate(names)}
    in_order = sorted(rows, key=lambda cells: (place[cells[0]], -float(cells[3].split()[0])))
    plain, searches = ([cells for cells in in_order if _is_search(cells) == kind]
                       for kind in (False, True))
    return PAGE.format(samples=samples, local=LOCAL, searched=SEARCH_SAMPLES,
                       search_loss=SEARCH_LOSS, table=_table(plain), searches=_table(searches))


def rows_of(text: str) -> list[tuple[str, ...]]:
    """The rows of all tables of a page."""
    cells = (tuple(line.strip("| ").split(" | ")) for line in text.splitlines()
             if line.startswith("| "))
    return [row for row in cells if row != COLUMNS and not row[0].startswith("---")]


def _is_search(cells: tuple[str, ...]) -> bool:
    return not cells[3].isdecimal()


def _key(cells: tuple[str, ...]) -> tuple[str, str]:
    """Network and bits; a network has one search."""
    return cells[0], SEARCH if _is_search(cells) else cells[3]


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [COLUMNS, ("---", *["---:"] * (len(COLUMNS) - 1)), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _bits(text: str) -> int | str:
    return SEARCH if text == SEARCH else int(text)


def main() -> None:
    """Print a line per network and number of bits."""
    entries = {entry.name: entry for folder in FOLDERS
               for entry in load_config(folder / "neurocompile.toml").models}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", metavar="NAME", help=f"of {', '.join(entries)}")
    parser.add_argument("--bits", type=_bits, nargs="*", default=BITS)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--write", action="store_true", help="write docs/bits.md")
    options = parser.parse_args()
    print("".join(f"{cell:>11}" for cell in COLUMNS), flush=True)
    for name in options.nets or entries:
        case = load_case(entries[name], max(options.samples, SEARCH_SAMPLES), options.images)
        for bits in options.bits:
            cells = row(case, measure(case, bits, options.samples))
            print("".join(f"{cell:>11}" for cell in cells), flush=True)
            if options.write:
                rows = [one for one in rows_of(DOCS.read_text()) if _key(one) != _key(cells)]
                DOCS.write_text(page([*rows, cells], list(entries), options.samples))


if __name__ == "__main__":
    main()
