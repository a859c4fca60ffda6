"""Graph partitioners on the same networks: mt-kahypar (hypergraph), METIS (graph of neurons).

Both know vertex weights only: the larger of a neuron's share of a core's neurons and of its
synapse memory (8.3 bit per synapse, which is what dense lists take). A balance of 3 % is asked for.
"""

from __future__ import annotations

import time

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from neurocompile.ir.mapping import CoreSlice, Partition
from neurocompile.ir.network import Network
from neurocompile.passes.loihi.resources import capacity, incoming, on_chip
from neurocompile.target.loihi import LoihiTarget

BITS_PER_SYNAPSE = 8.3
IMBALANCE = 0.03
SHARES = 1_000_000  # that a core's capacity has: weights are integers
MOST_SYNAPSES = 35_000_000  # of a graph for METIS: about 5 GB

Ints = NDArray[np.int64]


def mt_kahypar(network: Network, target: LoihiTarget, parts: int) -> tuple[Partition, float]:
    """Preset DEFAULT, objective km1, seed 1, one thread; nets with their destinations as pins."""
    import mtkahypar

    nets = [incoming(network, p) for p in on_chip(network)]
    pins = sp.block_diag([n.pins for n in nets], format="csc")
    weights = np.concatenate([n.multiplicity for n in nets])
    nets_of_many = np.flatnonzero(np.diff(pins.indptr) > 1)  # others are never cut
    edges = [pins.indices[pins.indptr[e]:pins.indptr[e + 1]].tolist() for e in nets_of_many]
    start = time.process_time()
    machine = mtkahypar.initialize(1)
    context = machine.context_from_preset(mtkahypar.PresetType.DEFAULT)
    context.set_partitioning_parameters(parts, IMBALANCE, mtkahypar.Objective.KM1)
    mtkahypar.set_seed(1)
    graph = machine.create_hypergraph(context, pins.shape[0], len(edges), edges,
                                      _weights(network, target).tolist(), weights[nets_of_many].tolist())
    split = graph.partition(context)
    seconds = time.process_time() - start
    blocks = np.array([split.block_id(v) for v in range(pins.shape[0])], np.int64)
    return _as_partition(network, blocks), seconds


def metis(network: Network, target: LoihiTarget, parts: int) -> tuple[Partition, float]:
    """k-way on the graph of neurons (the method of SNEAP, GLSVLSI 2020), one edge per synapse."""
    import pymetis

    graph = _neuron_graph(network)
    start = time.process_time()
    _, blocks = pymetis.part_graph(parts, xadj=graph.indptr, adjncy=graph.indices,
                                   vweights=_weights(network, target), recursive=False,
                                   options=pymetis.Options(seed=1, ufactor=int(1000 * IMBALANCE)))
    return _as_partition(network, np.asarray(blocks, np.int64)), time.process_time() - start


def _neuron_graph(network: Network) -> sp.csr_array:
    populations = on_chip(network)
    offset = dict(zip((p.name for p in populations),
                      np.cumsum([0, *(p.size for p in populations)]).tolist(), strict=False))
    inside = [p for p in network.projections if p.source in offset and p.target in offset]
    synapses = sum(p.operator.n_synapses for p in inside)
    if synapses > MOST_SYNAPSES:
        raise SystemExit(f"{synapses:,} synapses: the graph would not fit in memory")
    rows, columns = [], []
    for projection in inside:
        block = projection.operator.rows(np.arange(projection.operator.out_size)).tocoo()
        rows.append((block.row + offset[projection.target]).astype(np.int32))
        columns.append((block.col + offset[projection.source]).astype(np.int32))
    ends = np.concatenate(rows + columns), np.concatenate(columns + rows)
    size = sum(p.size for p in populations)
    return sp.csr_array((np.ones(len(ends[0]), np.bool_), ends), shape=(size, size))


def _weights(network: Network, target: LoihiTarget) -> Ints:
    """Of each neuron, in millionths of a core."""
    limits, shares = capacity(target), []
    for population in on_chip(network):
        nets = incoming(network, population)
        synapses = nets.pins.astype(np.int64) @ nets.multiplicity
        memory = BITS_PER_SYNAPSE * synapses / limits.synapse_memory
        shares.append(np.maximum(memory, 1 / limits.neurons))
    return np.ceil(SHARES * np.concatenate(shares)).astype(np.int64)


def _as_partition(network: Network, blocks: Ints) -> Partition:
    orders, cores, at = {}, {}, 0
    for population in on_chip(network):
        block = blocks[at:at + population.size]
        at += population.size
        order = np.argsort(block, kind="stable")
        numbers, starts = np.unique(block[order], return_index=True)
        stops = [*starts[1:].tolist(), population.size]
        orders[population.name] = order
        for number, start, stop in zip(numbers.tolist(), starts.tolist(), stops, strict=True):
            cores.setdefault(number, []).append(CoreSlice(population.name, start, stop))
    return Partition(orders, dict.fromkeys(orders, "explicit"),
                     tuple(tuple(pieces) for pieces in cores.values()))
