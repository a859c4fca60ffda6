"""Networks that lava-dl's netx builds from a .net file: chains of dense and convolution layers.

netx never complains about what it gets wrong, so there is a chain only where netx builds exactly
that network; what it does to weights is repeated here and compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.loihi.bits import SignMode, chip_part, is_graded, sign_mode
from neurocompile.backends.loihi.lava_form import lava_conv
from neurocompile.formats.net.layers import (
    Cell,
    ConvLayer,
    DenseLayer,
    InputLayer,
    Layer,
    NetFile,
)
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


def net_chain(network: Network, schedule: Schedule) -> NetFile | str:
    """The network as a .net file says it, or why netx cannot express it."""
    chain = _chain(network)
    if isinstance(chain, str):
        return chain
    reason = next(_obstacles(network, schedule, chain), None)
    if reason is not None:
        return reason
    first = chain[0]
    start = (InputLayer(first.shape, _cell(first)) if first.operator is None
             else InputLayer(first.operator.in_shape, None))
    return NetFile(start, dict(_by_number(chain)), network.n_ticks)


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
    return shift >= 0 and 1 <= bits <= 8 and np.array_equal(
        _netx_weights(w << shift, bits), w << shift)


def _netx_weights(w: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """What Lava's Dense keeps of weights: clipped, then truncated, in the sign mode it finds."""
    mode = SignMode.INHIBITORY if w.max() <= 0 else sign_mode(w)
    cut = 8 - bits + (mode is SignMode.BOTH)
    if mode is SignMode.INHIBITORY:
        return -((np.clip(-w, 0, 255) >> cut) << cut)
    low = -256 if mode is SignMode.BOTH else 0
    return (np.clip(w, low, 255) >> cut) << cut


def _chain(network: Network) -> list[_Layer] | str:
    """The populations in order, first one first; or the reason why they are no chain."""
    populations, projections = chip_part(network)
    if len(populations) != len(network.populations):
        return "a population runs on the host"
    if network.accumulators:
        return "a readout is added up on the chip"
    into: dict[str, list[Projection]] = {p.name: [] for p in populations}
    for synapses in projections:
        into[synapses.target].append(synapses)
    encoder_targets = {e.target for e in network.encoders}
    sources = network.sources()
    first = [p for p in populations
             if not into[p.name] or isinstance(sources[into[p.name][0].source], Input)]
    if len(first) != 1 or any(len(ps) > 1 for ps in into.values()):
        return "the populations are no chain: one has several inputs"
    if not encoder_targets <= {first[0].name}:
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
        is_conv = following is not None and isinstance(into[following.name][0].operator, Conv)
        conv = projection is not None and isinstance(projection.operator, Conv)
        shape = population.shape if conv or (is_conv and projection is None) else (
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


def _by_number(chain: list[_Layer]) -> Iterator[tuple[int, Layer]]:
    """The file's layers behind its input; a dense one is preceded by the flattening of an image."""
    number = 1
    before = chain[0].shape if chain[0].operator is None else ()
    for layer in chain:
        if isinstance(layer.operator, Conv):
            yield number, _conv(layer, layer.operator)
        elif isinstance(layer.operator, Dense):
            number += len(before) == 3
            yield number, _dense(layer, layer.operator)
        else:
            continue
        number, before = number + 1, layer.shape


def _cell(layer: _Layer) -> Cell:
    neuron = loihi_neuron(layer.population)
    return Cell(i_decay=neuron.du + 1, v_decay=neuron.dv, threshold=neuron.vth)


def _mantissas(layer: _Layer) -> NDArray[np.int64] | None:
    return None if layer.bias is None else (layer.bias >> BIAS_EXPONENT).reshape(layer.shape)


def _conv(layer: _Layer, operator: Conv) -> ConvLayer:
    return ConvLayer(
        shape=layer.shape, weight=operator.weight.astype(np.int64) << layer.exponent,
        stride=operator.stride, padding=operator.padding, dilation=operator.dilation,
        groups=operator.groups, bias=_mantissas(layer), cell=_cell(layer))


def _dense(layer: _Layer, operator: Dense) -> DenseLayer:
    return DenseLayer(weight=operator.weight.astype(np.int64) << layer.exponent,
                      bias=_mantissas(layer), cell=_cell(layer))
