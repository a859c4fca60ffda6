"""The .net file (HDF5) that lava-dl's netx reads: plain chains of dense and convolution layers.

netx never complains about what it gets wrong, so a network is written only where netx builds
exactly that network; what it does to weights is repeated here and compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.loihi.bits import SignMode, is_graded, on_chip, sign_mode
from neurocompile.backends.loihi.lava_form import lava_conv
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Array, Conv, Dense, Operator
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.semantics.reset import Reset

BIAS_EXPONENT = 6  # netx gives every bias this one
MANTISSA_MAX = 4095


@dataclass(frozen=True, slots=True)
class _Layer:
    """A population and the operator into it; none for a first population that an encoder drives."""

    population: Population
    operator: Operator | None
    exponent: int
    shape: tuple[int, ...]  # as the file gives it: (C, H, W) or (N,)
    bias: NDArray[np.int64] | None


def write_net(network: Network, schedule: Schedule, path: Path) -> str | None:
    """Write `path`, or say why netx cannot express the network (and leave no file)."""
    path.unlink(missing_ok=True)
    chain = _chain(network)
    if isinstance(chain, str):
        return chain
    reason = next(_obstacles(network, schedule, chain), None)
    if reason is not None:
        return reason
    with h5py.File(path, "w", track_order=False) as file:
        file["simulation/Ts"], file["simulation/tSample"] = 1, network.n_ticks
        layers = file.create_group("layer")
        for i, (kind, layer, shape) in enumerate(_entries(network, chain)):
            group = layers.create_group(str(i))
            group["type"] = np.bytes_(kind)
            group["shape"] = np.array(shape, np.int64)
            if layer is not None:
                _write_layer(group, layer)
    return None


def netx_keeps(weights: Array) -> bool:
    """Whether a netx dense layer stores exactly these weights, in at most eight bits."""
    w = weights.astype(np.int64)
    low, high = int(w.min()), int(w.max())
    if low == high == 0 or (low < 0 <= high and not -256 <= low <= high <= 254):
        return False
    signed = low < 0 <= high
    if signed:
        scale = min(127 / high if high > 0 else np.inf, -128 / low)
    else:
        scale = -256 / low if high < 0 else 255 / high
    shift = int(np.floor(np.log2(scale))) + signed
    spare = next((n for n in range(8, 0, -1) if not (w % (1 << n)).any()), 0) - signed
    bits = 8 - shift - spare
    return shift >= 0 and 1 <= bits <= 8 and np.array_equal(_stored(w << shift, bits), w << shift)


def _stored(w: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """What Lava's Dense keeps of weights: clipped, then truncated, in the sign mode it finds."""
    mode = SignMode.INHIBITORY if w.max() <= 0 else sign_mode(w)
    cut = 8 - bits + (mode is SignMode.BOTH)
    if mode is SignMode.INHIBITORY:
        return -((np.clip(-w, 0, 255) >> cut) << cut)
    low = -256 if mode is SignMode.BOTH else 0
    return (np.clip(w, low, 255) >> cut) << cut


def _chain(network: Network) -> list[_Layer] | str:
    """The populations in order, first one first; or the reason why they are no chain."""
    populations, projections = on_chip(network)
    if len(populations) != len(network.populations):
        return "a population runs on the host"
    if network.accumulators:
        return "a readout is added up on the chip"
    into: dict[str, list[Projection]] = {p.name: [] for p in populations}
    for synapses in projections:
        into[synapses.target].append(synapses)
    driven = {e.target for e in network.encoders}
    sources = network.sources()
    first = [p for p in populations
             if not into[p.name] or isinstance(sources[into[p.name][0].source], Input)]
    if len(first) != 1 or any(len(ps) > 1 for ps in into.values()):
        return "the populations are no chain: one has several inputs"
    if not driven <= {first[0].name}:
        return "a bias that changes with the sample beyond the first population"
    follower = {ps[0].source: p for p in populations for ps in [into[p.name]] if ps}
    if len(follower) != len([ps for ps in into.values() if ps]):
        return "the populations are no chain: one has several outputs"
    chain: list[_Layer] = []
    population: Population | None = first[0]
    while population is not None and len(chain) < len(populations):
        arriving = into[population.name]
        projection = arriving[0] if arriving else None
        following = follower.get(population.name)
        convolved = following is not None and isinstance(into[following.name][0].operator, Conv)
        conv = projection is not None and isinstance(projection.operator, Conv)
        shape = population.shape if conv or (convolved and projection is None) else (
            population.size,)
        chain.append(_Layer(population, projection.operator if projection else None,
                            projection.exponent if projection else 0, shape,
                            _bias(population.bias, population.size)))
        population = following
    return chain if len(chain) == len(populations) else "the populations are no chain"


def _bias(bias: Bias | None, size: int) -> NDArray[np.int64] | None:
    if bias is None:
        return None
    return np.broadcast_to(bias.value.astype(np.int64), (size,))


def _obstacles(network: Network, schedule: Schedule, chain: list[_Layer]) -> Iterator[str]:
    """Everything else that keeps netx from building exactly this network."""
    sources = network.sources()
    for projection in network.projections:
        source = sources[projection.source]
        if isinstance(source, Input):
            if is_graded(source) or source.kind is not InputKind.SPIKES:
                yield f"netx takes spikes, and an input is {source.kind.value}"
            if chain[0].operator is not projection.operator:
                yield "an input reaches a later population"
    if any(projection.delay or wait for projection, wait in schedule.waits(network)):
        yield "a projection with a delay"
    if chain[0].operator is None and not network.encoders:
        yield "the first population has no input"
    if chain[0].operator is not None and network.encoders:
        yield "a first population with an encoder and synapses"
    previous: tuple[int, ...] = ()
    for layer in chain:
        name = layer.population.name
        if layer.population.graded:
            yield f"{name} adds"
            continue
        if loihi_neuron(layer.population).reset is not Reset.HARD:
            yield f"{name} resets {loihi_neuron(layer.population).reset.value}"
        if layer.bias is not None and (
                (layer.bias % (1 << BIAS_EXPONENT)).any()
                or np.abs(layer.bias >> BIAS_EXPONENT).max(initial=0) > MANTISSA_MAX):
            yield f"a bias of {name} is no 13-bit multiple of 64"
        yield from _synapse_obstacles(layer, previous)
        previous = layer.shape


def _synapse_obstacles(layer: _Layer, previous: tuple[int, ...]) -> Iterator[str]:
    operator, name = layer.operator, layer.population.name
    if isinstance(operator, Conv):
        if not lava_conv(operator):
            yield f"Lava's convolution is not that into {name}"
        if len(layer.shape) != 3 or layer.shape != operator.out_shape or previous not in (
                (), operator.in_shape):
            yield f"the convolution into {name} takes another shape than comes before it"
    elif isinstance(operator, Dense):
        weights = operator.weight.astype(np.int64) << layer.exponent
        if not netx_keeps(weights):
            yield f"netx changes the weights into {name}"
    elif operator is not None:
        yield f"the synapses into {name} are sparse"


def _entries(network: Network,
             chain: list[_Layer]) -> Iterator[tuple[str, _Layer | None, tuple[int, ...]]]:
    """The file's layers: kind, layer (none for wiring alone), shape."""
    if chain[0].operator is None:
        yield "input", chain[0], chain[0].shape
    else:
        yield "input", None, chain[0].operator.in_shape
    previous: tuple[int, ...] = chain[0].shape
    for layer in chain if chain[0].operator is not None else chain[1:]:
        if isinstance(layer.operator, Conv):
            yield "conv", layer, layer.shape
        else:
            if len(previous) == 3 and layer is not chain[0]:
                yield "flatten", None, (int(np.prod(previous)),)
            yield "dense", layer, layer.shape
        previous = layer.shape


def _write_layer(group: h5py.Group, layer: _Layer) -> None:
    neuron = loihi_neuron(layer.population)
    cell = group.create_group("neuron")
    cell["type"] = np.bytes_("LOIHI")
    cell["iDecay"], cell["vDecay"] = neuron.du + 1, neuron.dv
    cell["vThMant"] = neuron.vth
    if layer.bias is not None and layer.operator is not None:
        mantissa = layer.bias >> BIAS_EXPONENT
        group["bias"] = mantissa.reshape(layer.shape).transpose().astype(np.int32)
    operator = layer.operator
    if isinstance(operator, Conv):
        group["weight"] = operator.weight.astype(np.int32) << layer.exponent
        for key, pair in (("stride", operator.stride), ("padding", operator.padding),
                          ("dilation", operator.dilation)):
            group[key] = np.array(pair, np.int64)
        group["groups"] = operator.groups
        group["inChannels"], group["outChannels"] = operator.in_shape[0], operator.out_shape[0]
        group["kernelSize"] = np.array(operator.weight.shape[2:], np.int64)
    elif isinstance(operator, Dense):
        group["weight"] = operator.weight.astype(np.int32) << layer.exponent
        group["inFeatures"], group["outFeatures"] = operator.in_size, operator.out_size
