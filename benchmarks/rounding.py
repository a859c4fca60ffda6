"""Rounding with error feedback beside rounding to nearest, on the trained examples.

Run: python -m benchmarks.rounding [NAME ...] [--bits 8 4 3 2] [--samples 128] [--projections]

Calibrated on training images, measured on test images. The weights that reach a population from
spikes or adders are rounded to 2**bits levels, each projection at its best unit: to nearest (unit by
squared error of weights), with feedback (unit by error of currents), and with a unit per row. `error` is
that of all currents relative to the currents themselves, in %, after the bias correction (for nearest
without one); `local` the share of spikes that stay the same where a population gets the float
network's spikes, in %, its neurons computed in float64. Seconds are of the process, for one rounding
of the network from its spikes: moments, factors, search of units, rounding.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from benchmarks.mnist_accuracy import FOLDERS, load_trained
from examples.mnist import data
from examples.stmixer import small_nets
from neurocompile.backends import synchronous
from neurocompile.backends.synchronous.neurons import FloatBatch
from neurocompile.capture.torch_model import capture
from neurocompile.config import ModelEntry, load_config
from neurocompile.ir.network import InputKind, Network, Population, Projection
from neurocompile.ir.operators import Array
from neurocompile.passes.lowering.lower import lower
from neurocompile.passes.quantization.feedback import (
    Feedback,
    Grid,
    best_row_units,
    bias_correction,
    round_with_feedback,
    unit_errors,
)
from neurocompile.passes.quantization.gram import Arrival, Block, moments

FACTORS = tuple(2.0 ** (-step / 8) for step in range(20))  # units, of the one that clips nothing
ROWS = 64  # of a block, on which a unit for all is chosen
WAYS = ("nearest", "feedback", "row units")

Parts = Sequence[tuple[Block, Feedback]]


@dataclass(frozen=True, eq=False)
class Case:
    """A float network, and what its sources send on two sets of samples."""

    network: Network
    calibration: dict[str, Array]
    test: dict[str, Array]

    def arrivals(self, projections: Sequence[Projection], values: dict[str, Array]) -> list[Arrival]:
        return [Arrival(p.operator, values[p.source], p.delay) for p in projections]

    @cached_property
    def analog(self) -> frozenset[str]:
        """Inputs whose currents the host computes."""
        return frozenset(i.name for i in self.network.inputs
                         if i.kind in (InputKind.STATIC, InputKind.ANALOG))

    def targets(self) -> Iterator[tuple[Population, list[Projection]]]:
        """Populations with the projections into them whose weights are rounded."""
        for population in self.network.populations:
            weighty = [p for p in self.network.into(population.name) if p.source not in self.analog]
            if weighty and sum(p.operator.weights.size for p in weighty) > len(weighty):
                yield population, weighty


def load_case(entry: ModelEntry, samples: int) -> Case:
    """An example's float network, run on training and on test images."""
    model = load_trained(entry)
    images = [np.asarray(data.load_mnist(split)[0])[:samples] for split in ("train", "test")]
    if entry.input.shape != images[0].shape[1:]:
        images = [small_nets.upscale(torch.as_tensor(x)).numpy() for x in images]
    graph = capture(model, torch.as_tensor(images[0][:4]))
    network, _ = lower(graph, entry.options.get("allow", ()))
    return Case(network, *(_values(network, x) for x in images))


def _values(network: Network, images: Array) -> dict[str, Array]:
    """What every source sends [samples, ticks, sources]."""
    name = next(i.name for i in network.inputs if i.kind is not InputKind.ONE)
    values = dict(synchronous.run(network, {name: images}).spikes)
    for item in network.inputs:
        x = np.ones((len(images), 1)) if item.kind is InputKind.ONE else images
        values[item.name] = x.reshape(len(images), -1, item.size)
    return values


def grid_of(weights: Array, bits: int) -> Grid:
    """The signed grid that clips no weight."""
    top = (1 << (bits - 1)) - 1
    return Grid(float(np.abs(weights).max(initial=0)) / max(top, 1) or 1.0, -top - 1, top)


def nearest(weights: Array, bits: int) -> Array:
    """Weights rounded to nearest, at the unit of the least squared error."""
    grid = grid_of(weights, bits)
    every = [Grid(grid.unit * f, grid.low, grid.high) for f in FACTORS]
    options = [one.nearest(weights) * one.unit for one in every]
    return min(options, key=lambda after: float(((after - weights) ** 2).sum()))


def with_feedback(weights: Array, parts: Parts, bits: int, rows: bool) -> Array:
    """Weights rounded with feedback, at the unit of the least error of currents.

    One unit for all is chosen on some of the rows.
    """
    flat, after = weights.reshape(-1), nearest(weights, bits).reshape(-1)
    grid = grid_of(weights, bits)
    if not rows:
        errors = np.zeros(len(FACTORS))
        for block, feedback in parts:
            some = block.weights[::-(-len(block.weights) // ROWS)]
            errors += unit_errors(flat[some], feedback, grid, FACTORS).sum(axis=1)
        grid = Grid(grid.unit * FACTORS[int(np.argmin(errors))], grid.low, grid.high)
    for block, feedback in parts:
        own = flat[block.weights]
        fit = best_row_units(own, feedback, grid, FACTORS) if rows else grid
        after[block.weights] = round_with_feedback(own, feedback, fit) * fit.unit
    return after.reshape(weights.shape)


def currents(case: Case, projections: Sequence[Projection], weights: Sequence[Array]) -> Array:
    """What projections with these weights deliver on the test samples [instants, neurons]."""
    total = np.zeros(1)
    for arrival, own in zip(case.arrivals(projections, case.test), weights, strict=True):
        x = arrival.at(np.arange(len(case.test[projections[0].source]) * case.network.n_ticks),
                       case.network.n_ticks)
        total = total + arrival.operator.with_weights(own).apply(x.astype(np.float64))
    return total


def fire(population: Population, currents: Array, n_ticks: int) -> Array:
    """The spikes of a population at these currents [instants, neurons]."""
    currents = currents.reshape(-1, n_ticks, population.size)
    bias = None if population.bias is None else torch.as_tensor(
        np.broadcast_to(population.bias.value, (population.size,)).copy())
    shape = (len(currents), population.size)
    batch = FloatBatch(population.floating, bias, shape, "cpu")
    return np.asarray(batch.advance(torch.as_tensor(currents), None))


class Figures:
    """Errors, shares of equal spikes and seconds of one way, population by population."""

    def __init__(self, seconds: float) -> None:
        self.errors: list[float] = []
        self.shares: list[float] = []
        self.seconds = seconds

    def __str__(self) -> str:
        shares = [share for share in self.shares if not np.isnan(share)] or [np.nan]
        return f"{np.mean(self.errors):9.2%}{np.mean(shares):9.2%}{self.seconds:7.1f}"


def report(name: str, case: Case, bits: int, lines: bool) -> None:
    """Print a line for the network, and one per population."""
    n_ticks, start = case.network.n_ticks, time.process_time()
    parts = {id(p): [(b, Feedback.of(b.covariance)) for b in moments(a, n_ticks)]
             for _, projections in case.targets() for p, a in zip(
                 projections, case.arrivals(projections, case.calibration), strict=True)}
    seconds = time.process_time() - start
    ways = {way: Figures(0.0 if way == "nearest" else seconds) for way in WAYS}
    for population, projections in case.targets():
        weights = [p.operator.weights for p in projections]
        every = list(case.network.into(population.name))
        exact = currents(case, every, [p.operator.weights for p in every])
        for way, figures in ways.items():
            start = time.process_time()
            after = [nearest(w, bits) if way == "nearest" else with_feedback(
                w, parts[id(p)], bits, way == "row units")
                for w, p in zip(weights, projections, strict=True)]
            bias = 0 if way == "nearest" else bias_correction(
                case.arrivals(projections, case.calibration), after, n_ticks)
            figures.seconds += time.process_time() - start
            change = bias + currents(case, projections, [
                a - w for a, w in zip(after, weights, strict=True)])
            figures.errors.append(float(np.linalg.norm(change) / np.linalg.norm(exact)))
            same = np.nan if population.graded else np.mean(
                fire(population, exact, n_ticks) == fire(population, exact + change, n_ticks))
            figures.shares.append(float(same))
        if lines:
            print(f"  {population.name:21.21}{'':4}" + "".join(
                f"{w.errors[-1]:9.2%}{w.shares[-1]:9.2%}{'':7}" for w in ways.values()))
    print(f"{name:23}{bits:4}" + "".join(map(str, ways.values())), flush=True)


def main() -> None:
    """Print one line per network and number of bits."""
    entries = {entry.name: entry for folder in FOLDERS
               for entry in load_config(folder / "neurocompile.toml").models}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", metavar="NAME", help=f"of {', '.join(entries)}")
    parser.add_argument("--bits", type=int, nargs="*", default=[8, 4, 3, 2])
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--projections", action="store_true", help="a line per population, too")
    options = parser.parse_args()
    print(f"{'':27}" + "".join(f"{way:>25}" for way in WAYS))
    print(f"{'net':23}{'bits':>4}" + f"{'error':>9}{'local':>9}{'CPU s':>7}" * len(WAYS))
    for name in options.nets or entries:
        case = load_case(entries[name], options.samples)
        for bits in options.bits:
            report(name, case, bits, options.projections)


if __name__ == "__main__":
    main()
