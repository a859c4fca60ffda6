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
WAYS = ("nearest", "feedback", "row units")


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


def with_feedback(weights: Array, parts: Sequence[tuple[Block, Feedback]], bits: int, rows: bool
                  ) -> Array:
    """Weights rounded with feedback, at the unit of the least error of currents."""
    flat, after = weights.reshape(-1), nearest(weights, bits).reshape(-1)
    grid = grid_of(weights, bits)
    if not rows:
        errors = sum(unit_errors(flat[b.weights], f, grid, FACTORS).sum(axis=1) for b, f in parts)
        grid = Grid(grid.unit * FACTORS[int(np.argmin(errors))], grid.low, grid.high)
    for block, feedback in parts:
        own = flat[block.weights]
        fit = best_row_units(own, feedback, grid, FACTORS) if rows else grid
        after[block.weights] = round_with_feedback(own, feedback, fit) * fit.unit
    return after.reshape(weights.shape)


def measure(case: Case, population: Population, projections: Sequence[Projection],
            after: Sequence[Array], bias: Array) -> tuple[float, float]:
    """The relative error of currents, and the share of equal spikes (nan for adders)."""
    network, n_ticks = case.network, case.network.n_ticks
    instants = np.arange(len(next(iter(case.test.values()))) * n_ticks)
    every = list(network.into(population.name))
    exact, change = (np.zeros((len(instants), population.size)) for _ in range(2))
    rounded_by_name = {id(p): w for p, w in zip(projections, after, strict=True)}
    for projection, arrival in zip(every, case.arrivals(every, case.test), strict=True):
        x = arrival.at(instants, n_ticks).astype(np.float64)
        exact += projection.operator.apply(x)
        if id(projection) in rounded_by_name:
            operator = projection.operator
            change += operator.with_weights(
                rounded_by_name[id(projection)] - operator.weights).apply(x)
    error = float(np.linalg.norm(change + bias) / max(np.linalg.norm(exact), 1e-30))
    if population.graded:
        return error, float("nan")
    sums = (c.reshape(-1, n_ticks, population.size) for c in (exact, exact + change + bias))
    spikes = [fire(population, c) for c in sums]
    return error, float((spikes[0] == spikes[1]).mean())


def fire(population: Population, currents: Array) -> Array:
    """The spikes of a population at these currents [samples, ticks, neurons]."""
    bias = None if population.bias is None else torch.as_tensor(
        np.broadcast_to(population.bias.value, (population.size,)).copy())
    shape = (len(currents), population.size)
    batch = FloatBatch(population.floating, bias, shape, "cpu")
    return np.asarray(batch.advance(torch.as_tensor(currents), None))


def report(name: str, case: Case, bits: int, lines: bool) -> None:
    """Print a line for the network, and one per population."""
    errors, shares = ({way: [] for way in WAYS} for _ in range(2))
    start = time.process_time()
    parts = {id(p): [(b, Feedback.of(b.power)) for b in moments(a, case.network.n_ticks)]
             for _, projections in case.targets() for p, a in zip(
                 projections, case.arrivals(projections, case.calibration), strict=True)}
    seconds = {way: time.process_time() - start for way in WAYS}
    for population, projections in case.targets():
        arrivals = case.arrivals(projections, case.calibration)
        for way in WAYS:
            start = time.process_time()
            weights = [p.operator.weights for p in projections]
            after = [nearest(w, bits) if way == "nearest" else with_feedback(
                w, parts[id(p)], bits, way == "row units")
                for w, p in zip(weights, projections, strict=True)]
            bias = 0 if way == "nearest" else bias_correction(arrivals, after, case.network.n_ticks)
            seconds[way] += time.process_time() - start
            error, share = measure(case, population, projections, after, bias)
            errors[way].append(error)
            shares[way].append(share)
        if lines:
            figures = (f"{errors[w][-1]:9.2%}{shares[w][-1]:9.2%}{'':7}" for w in WAYS)
            print(f"  {population.name:21.21}{'':4}" + "".join(figures))
    figures = (f"{np.mean(errors[w]):9.2%}{np.nanmean(shares[w]):9.2%}{seconds[w]:7.1f}" for w in WAYS)
    print(f"{name:23}{bits:4}" + "".join(figures), flush=True)


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
