"""The parts of resources.json that all families share: target, inputs, outputs, traffic."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurocompile.ir.mapping import ChipMapping, CoreSlice, Partition
from neurocompile.ir.network import Adder, Network, Population
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.target import Quantity, Target

Data = dict[str, Any]
DIGITS = 6  # of shares and rates


def target_json(target: Target) -> Data:
    """The target of a build."""
    return {"name": target.name, "family": target.family, "description": target.description,
            "path": target.path, "cores_per_chip": target.chip.cores.value,
            "grid_width": target.chip.grid_width.value}


def limits(target: Target) -> Data:
    """Every number of the target by table and key, with unit, source and confidence."""
    tables: dict[str, Data] = defaultdict(dict)
    for key, quantity in target.quantities():
        table, name = key.split(".", 1)
        tables[table][name] = _quantity(quantity)
    return dict(tables)


def _quantity(quantity: Quantity) -> Data:
    return {"value": quantity.value, "unit": quantity.unit, "source": quantity.source,
            "confidence": quantity.confidence}


def inputs(network: Network) -> list[Data]:
    """The network's inputs: what arrives, and in which form."""
    return [{"name": item.name, "kind": item.kind.value, "shape": list(item.shape),
             "sources": item.size} for item in network.inputs]


def readouts(network: Network) -> list[Data]:
    """The network's outputs: where they are computed, and how many neurons the host reads."""
    sizes = {p.name: p.size for p in network.populations}
    return [{"name": readout.name, "shape": list(readout.shape), "ticks": readout.ticks,
             "on_chip": readout.accumulator is not None,
             "read": sum(sizes.get(name, 0) for name, _ in readout.terms)}
            for readout in network.readouts]


def model_name(floating: Network, population: Population) -> str:
    """Neuron model and reset, as in `LIF hard`; `relay` for what only repeats spikes."""
    if population.repeats is not None:
        return "relay"
    neuron = population.neuron
    if isinstance(neuron, Adder):
        return "adder"
    original = next((p.neuron for p in floating.populations if p.name == population.name), None)
    model = original.model if isinstance(original, FloatNeuron) else neuron.model
    return f"{model} {neuron.reset.value}"


def slice_json(partition: Partition, network: Network, piece: CoreSlice) -> Data:
    """A slice, and the box of its population's shape that its neurons span.

    `box` holds [first, last + 1] per axis; `fills_box` tells whether all of the box is in it.
    """
    shape = network.population(piece.population).shape
    axes = np.unravel_index(partition.neurons(piece), shape) if shape else ()
    box = [[int(axis.min()), int(axis.max()) + 1] for axis in axes]
    volume = int(np.prod([high - low for low, high in box], dtype=np.int64))
    return {"population": piece.population, "start": piece.start, "stop": piece.stop,
            "order": partition.order_names[piece.population], "box": box,
            "fills_box": volume == piece.size}


def traffic(mapping: ChipMapping) -> Data:
    """Messages per tick by distance, and how unevenly the cores carry them (max over mean)."""
    sent, received = load(mapping)
    return {**mapping.routing.summary(mapping.placement),
            "imbalance": {"sent": _imbalance(sent), "received": _imbalance(received)}}


def load(mapping: ChipMapping) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Messages per tick that each core sends to others, and that it receives from outside it."""
    routing, n = mapping.routing, len(mapping.partition.cores)
    between = routing.between_cores
    outside = between | routing.off_chip
    sent = np.bincount(routing.source[between], routing.messages[between], n)
    received = np.bincount(routing.destination[outside], routing.messages[outside], n)
    return np.asarray(sent, np.float64), np.asarray(received, np.float64)


def _imbalance(load: NDArray[np.float64]) -> float:
    mean = float(load.mean()) if load.size else 0.0
    return round(float(load.max()) / mean, DIGITS) if mean > 0 else 0.0


def rounded(shares: dict[str, float]) -> dict[str, float]:
    """Shares as reports hold them."""
    return {name: round(share, DIGITS) for name, share in shares.items()}
