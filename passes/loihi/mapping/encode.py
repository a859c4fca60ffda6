"""Encode: how the synapses of each projection are stored, by the build's `--encoding`.

`dense`: a list of weights per source. `sparse`: without the weights that are zero, but with the
index of each target. `shared`: the sources of a convolution share dense lists, which takes parts
that are boxes, wherever that needs fewer cores. `auto`: of the three what takes least. Encodings
change no weight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

from neurocompile.ir.mapping import Partition
from neurocompile.ir.network import Encoding, Network, Population, Projection
from neurocompile.ir.operators import Conv
from neurocompile.passes.loihi.mapping.partition import fill
from neurocompile.passes.loihi.resources import into_chip, list_bits, on_chip
from neurocompile.target.loihi import LoihiTarget


def encode(network: Network, target: LoihiTarget, how: str) -> Network:
    """The network with the encoding of every projection onto the chip.

    Raises FindingsError (NC405, NC406) where shared lists are tried and a population exceeds an
    empty core.
    """
    network = _with(network, lambda p: "dense")
    if how == "sparse":
        return _with(network, lambda p: "sparse")
    if how == "auto":
        network = _with(network, lambda p: "sparse" if sparse_pays(p, target)
                        else "dense")
    if how not in ("shared", "auto"):
        return network
    candidate = _sharing(network, {p.name for p in on_chip(network)})
    if all(a is b for a, b in zip(candidate.projections, network.projections, strict=True)):
        return network
    plain, boxes = (_cores(net, target) for net in (network, candidate))
    pays = {name for name, (cores, in_boxes) in boxes.items()
            if in_boxes and cores < plain[name][0]}
    while True:  # a producer may reach more cores now, so that its boxes do not fit any more
        result = _sharing(network, pays)
        boxes = _cores(result, target) if pays else {}
        if all(boxes[name][1] for name in pays):
            return result
        pays = {name for name in pays if boxes[name][1]}


def encodings_text(network: Network) -> str:
    """How many projections have which encoding, in words."""
    counts = Counter(projection.encoding for projection in network.projections)
    return ", ".join(f"{number} {form}" for form, number in sorted(counts.items())) or "none"


def shareable(projection: Projection, target: Population) -> bool:
    """Whether sources can share lists: a convolution onto a population of its output's shape."""
    return isinstance(projection.operator, Conv) and projection.operator.out_shape == target.shape


def sparse_pays(projection: Projection, target: LoihiTarget) -> bool:
    """Whether long lists take less memory without the weights that are zero."""
    weights = projection.operator.weights
    long = np.array([target.core.neurons.value])
    dense, sparse = (int(list_bits(long, target, projection.weight_bits, form)[0])
                     for form in ("dense", "sparse"))
    return bool(np.count_nonzero(weights) * sparse < weights.size * dense)


def _sharing(network: Network, names: Collection[str]) -> Network:
    """The network with shared lists of all convolutions onto these populations."""
    targets = {p.name: p for p in on_chip(network) if p.name in names}
    return _with(network, lambda p: "shared" if p.target in targets and shareable(
        p, targets[p.target]) else p.encoding)


def _with(network: Network, choose: Callable[[Projection], Encoding]) -> Network:
    """The network with these encodings of projections onto the chip."""
    chip = {p.name for p in on_chip(network)}
    return replace(network, projections=tuple(
        p if p.target not in chip or (form := choose(p)) == p.encoding
        else replace(p, encoding=form) for p in network.projections))


def _cores(network: Network, target: LoihiTarget) -> dict[str, tuple[int, bool]]:
    """Cores that hold a part of each population, and whether those parts are boxes."""
    nets = into_chip(network)
    parts: Partition = fill(network, nets, target)
    return {name: (len({core for core, pieces in enumerate(parts.cores)
                        if any(piece.population == name for piece in pieces)}),
                   parts.order_names[name].startswith("tile/")) for name in nets}
