"""What no partition can do: neurons and populations that exceed an empty core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import scipy.sparse as sp

from neurocompile.diagnostics import Diagnostic
from neurocompile.ir.network import Network, Population
from neurocompile.ir.operators import Conv
from neurocompile.passes.loihi.resources import (
    UNITS,
    Incoming,
    capacity,
    configuration_limits,
    entries,
    into_chip,
    on_chip,
    tables_without_sharing,
)
from neurocompile.target.loihi import LoihiTarget


def indivisible(network: Network, target: LoihiTarget,
                nets: Mapping[str, Incoming] | None = None) -> Iterator[Diagnostic]:
    """NC405 for every population with a neuron whose inputs exceed an empty core, NC406 for every
    one that needs more configuration entries than a core has. `nets`: those into each, if known.
    """
    if nets is None:
        nets = into_chip(network)
    for population in on_chip(network):
        yield from _inputs(population, nets[population.name], target)
        yield from _entries(network, population, target)


def _inputs(population: Population, into: Incoming, target: LoihiTarget) -> Iterator[Diagnostic]:
    one = tables_without_sharing(target, 1)[:, 1]  # what a list of one synapse takes
    limits = capacity(target)
    most = min(limits.input_axons,
               limits.synapse_memory // int(one[into.form].max(initial=1)))
    for resource, each in (("input_axons", np.ones_like(one)), ("synapse_memory", one)):
        weight = into.multiplicity * each[into.form]
        amounts = sp.csr_array((weight[into.pins.indices], into.pins.indices, into.pins.indptr),
                                shape=into.pins.shape)
        largest = int(amounts.sum(axis=1).max(initial=0))
        if largest > getattr(limits, resource):
            yield neuron_exceeds(population, target, resource, largest, _legal(into, most))


def _legal(into: Incoming, most: int) -> str:
    """The largest legal size of what projects into a population, in words."""
    operators = [projection.operator for projection, _ in into.sources]
    if len(operators) > 1:
        return f"at most {most:,} inputs in all projections together"
    conv = operators[0]
    if not isinstance(conv, Conv) or conv.weight[0, 0].size == 1:
        return f"at most {most:,} inputs"
    each = conv.window // conv.weight.shape[1]
    rows, columns = conv.weight.shape[2:]
    each_group = " in each group" if conv.groups > 1 else ""
    return f"at most {most // each:,} input channels{each_group} of a {rows}x{columns} convolution"


def neuron_exceeds(population: Population, target: LoihiTarget, resource: str, amount: int,
                   legal: str | None, *notes: str) -> Diagnostic:
    """NC405, with the largest legal size in values and text where it is known."""
    values = {
        "module": population.where.module or population.name, "needed": amount,
        "unit": UNITS[resource], "resource": resource.replace("_", " "), "target": target.name,
        "limit": getattr(capacity(target), resource),
    }
    if legal is not None:
        return Diagnostic("NC405", population.where, {**values, "legal": legal},
                          notes=(*notes, f"legal on {target.name}: {legal}"))
    return Diagnostic("NC405", population.where, values, notes=notes)


def _entries(network: Network, population: Population, target: LoihiTarget) -> Iterator[Diagnostic]:
    demand = {kind: len(own) for kind, own in entries(network, population).items()}
    for kind, limit in configuration_limits(target).items():
        if limit and demand[kind] > limit:
            yield Diagnostic("NC406", population.where, {
                "what": f"`{population.where.module or population.name}`", "needed": demand[kind],
                "kind": kind.replace("_", " "), "target": target.name, "limit": limit})
