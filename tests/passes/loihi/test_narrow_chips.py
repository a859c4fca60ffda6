"""Targets of any widths: what is built fits them and runs as specified, or a number is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurocompile.backends.loihi.bits import check_bits
from neurocompile.backends.synchronous import run
from neurocompile.diagnostics import Diagnostic, FindingsError
from neurocompile.families.loihi import LOIHI
from neurocompile.ir.network import (
    Adder,
    Network,
    Population,
    Projection,
    Readout,
)
from neurocompile.ir.operators import Dense
from neurocompile.ir.schedule import Schedule
from neurocompile.passes.loihi.accumulate import accumulate
from neurocompile.passes.loihi.align import align
from neurocompile.passes.loihi.neurons import loihi_neuron
from neurocompile.passes.loihi.quantization.bounds import state_bounds
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.loihi.relay import relay
from neurocompile.passes.loihi.streams.adders import build_streams
from neurocompile.semantics.loihi import State, add, step
from neurocompile.semantics.loihi_widths import MAXIMA
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget
from tests.loihi import loihi_target
from tests.passes.loihi.residual_nets import SHAPE, TICKS, residual, spikes_in

LOIHI2 = loihi_target("loihi2")
LEAST = {"neuron.state_bits": 8, "neuron.decay_bits": 1, "neuron.threshold_bits": 1,
         "neuron.bias_bits": 2, "neuron.bias_exponent_max": 0, "synapse.weight_bits": 1,
         "synapse.weight_exponent_max": 0, "synapse.message_bits": 0}
KEYS = {*LEAST, "neuron.programs", "synapse.max_delay"}


def with_widths(**widths: int) -> LoihiTarget:
    """loihi2 with other widths, by their names in its tables."""
    assert isinstance(LOIHI2, LoihiTarget)
    target = LOIHI2
    for table in ("neuron", "synapse"):
        section = getattr(target, table)
        section = replace(section, **{
            name: replace(getattr(section, name), value=value) for name, value in widths.items()
            if hasattr(section, name)})
        target = replace(target, **{table: section})
    return target


@st.composite
def targets(draw: st.DrawFn) -> LoihiTarget:
    """Some widths are halved or odd, the others are loihi2's."""
    narrow = draw(st.sets(st.sampled_from(sorted(LEAST)), max_size=4))
    widths = {key.partition(".")[2]: draw(st.integers(LEAST[key], MAXIMA[key])) for key in narrow}
    least = draw(st.sampled_from([-7, 0, 0, 1]))
    most = widths.get("weight_exponent_max", 7)
    return with_widths(**widths, programs=draw(st.sampled_from([0, 1, 1, 1])),
                       weight_exponent_min=min(least, most),
                       max_delay=draw(st.sampled_from([0, 1, 3, 62])))


def skips(network: Network, length: int) -> Network:
    """The network with a chain from its stem, and the stem beside the chain's end."""
    names = ["stem", *(f"chain{k}" for k in range(length)), "end"]
    size = int(np.prod(SHAPE))
    cell = FloatNeuron("IF", 1.0, 1.0, False, Reset.HARD)
    eye = Dense((size,), (size,), np.eye(size))
    new = tuple(Population(name, (size,), cell) for name in names[1:])
    wires = [Projection(a, b, replace(eye, in_shape=SHAPE if a == "stem" else (size,)))
             for a, b in [*pairwise(names), ("stem", "end")]]
    return replace(network, populations=(*network.populations, *new),
                   projections=(*network.projections, *wires))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Residual streams, a chain beside a skip, a CubaLIF behind, and a readout of it."""
    decay = draw(st.sampled_from([0.0, 0.5, 0.9, 1.0, 819 / 4096]))
    reset = draw(st.sampled_from([Reset.HARD, Reset.HARD, Reset.SOFT, Reset.SOFT_DELAYED]))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    network = residual(draw(st.integers(0, 999)), draw(st.integers(1, 2)), reset=reset, decay=decay)
    network = skips(network, draw(st.sampled_from([0, 2, 5])))
    cuba = FloatNeuron("CubaLIF", 0.75, 1.0, True, Reset.HARD, draw(st.sampled_from([0.5, 0.7])))
    size = int(np.prod(SHAPE))
    back = [Projection("cuba", "cuba", Dense((4,), (4,), -np.eye(4) / 4), delay=1)]
    return replace(
        network, populations=(*network.populations, Population("cuba", (4,), cuba)),
        projections=(*network.projections,
                     Projection("end", "cuba", Dense((size,), (4,), rng.normal(0.3, 1, (4, size)))),
                     *back * draw(st.booleans())),
        readouts=(Readout("y", (3,), (("cuba", Dense((4,), (3,), rng.normal(0, 1, (3, 4)))),),
                          np.zeros(3)),))


def with_schedule(network: Network, target: LoihiTarget, bits: int) -> tuple[Network, Schedule]:
    """The stages up to the schedule. Raises FindingsError."""
    network, _ = build_streams(network, target, "auto", bits)
    network, _ = accumulate(network, "chip", target, bits)
    network, _ = LoihiQuantizer(bits).run(network, target)
    network, schedule, _ = relay(network, align(network), target, bits)
    return network, schedule


def specification(network: Network, x: np.ndarray
                  ) -> Iterator[tuple[str, tuple[int, ...], int, State]]:
    """(population, (sample, tick, neuron), what it sends, state) by the specification alone."""
    messages: dict[str, np.ndarray] = {"x": x.reshape(*x.shape[:2], -1).astype(np.int64)}
    messages |= {p.name: np.zeros((len(x), TICKS, p.size), np.int64) for p in network.populations}
    matrices = {id(p): p.operator.matrix().toarray().astype(int) for p in network.projections}
    for sample in range(len(x)):
        states = {p.name: [State() for _ in range(p.size)] for p in network.populations}
        for tick in range(TICKS):
            for population in network.order():
                total = np.zeros(population.size, np.int64)
                for p in network.into(population.name):
                    if tick >= p.delay:
                        total += (matrices[id(p)] @ messages[p.source][sample, tick - p.delay]
                                  ) << p.exponent
                for n, state in enumerate(states[population.name]):
                    bias = 0 if population.bias is None else int(population.bias.value[n])
                    out = add(state, int(total[n])) if isinstance(population.neuron, Adder) else (
                        int(step(loihi_neuron(population), state, int(total[n]), bias)))
                    messages[population.name][sample, tick, n] = out
                    yield population.name, (sample, tick, n), out, state


def within_widths(network: Network, target: LoihiTarget) -> None:
    """Every number of a network, by the target's words and not by the quantizer's code."""
    form, synapse = target.neuron, target.synapse
    coarse = 1 << (8 - synapse.weight_bits.value)
    for p in network.projections:
        weights = p.operator.weights
        both_signs = weights.min(initial=0) < 0 < weights.max(initial=0)
        assert not np.any(weights % (coarse << both_signs))
        assert -256 <= weights.min(initial=0)
        assert weights.max(initial=0) < 256
        assert max(0, synapse.weight_exponent_min.value) <= p.exponent
        assert p.exponent <= synapse.weight_exponent_max.value
    for population in network.populations:
        if isinstance(population.neuron, Adder):
            assert population.neuron.reach < 1 << (synapse.message_bits.value - 1)
            continue
        neuron = loihi_neuron(population)
        decay = 1 << (12 - form.decay_bits.value)
        assert (neuron.du + 1) % decay == 0 == neuron.dv % decay
        assert 1 <= neuron.vth < 1 << form.threshold_bits.value
        assert neuron.v_sub < 1 << form.threshold_bits.value
        assert neuron.reset is Reset.HARD or form.programs.value
        if population.bias is not None:
            assert np.abs(population.bias.mantissa).max() < 1 << (form.bias_bits.value - 1)
            assert 0 <= population.bias.exponent <= form.bias_exponent_max.value
        assert max(state_bounds(network, population).largest.values()) < 1 << (
            form.state_bits.value - 1)


def names_its_limit(finding: Diagnostic) -> None:
    """What was too much, the limit, and the number of the target that it rests on."""
    assert {"target", "key", "unit"} <= set(finding.values), finding
    assert finding.values["key"] in KEYS
    assert str(finding.values["key"]) in " ".join(finding.notes)


def test_the_property_sees_activity() -> None:
    """Many networks are built, and most of their populations fire, relays and adders too."""
    shares: list[float] = []
    refusals: list[bool] = []
    kinds: set[str] = set()

    @settings(max_examples=240, deadline=None, database=None, derandomize=True,
              suppress_health_check=[HealthCheck.too_slow])
    @given(networks(), targets(), st.integers(0, 99))
    def collect(network: Network, target: LoihiTarget, seed: int) -> None:
        refusals.append(True)
        try:
            integers, _ = with_schedule(network, target, target.synapse.weight_bits.value)
        except FindingsError:
            return
        refusals[-1] = False
        spikes = run(integers, {"x": spikes_in(seed, 2)}).spikes
        shares.append(float(np.mean([one.any() for one in spikes.values()])))
        kinds.update("relay" if p.repeats else "adder" if p.graded else "neuron"
                     for p in integers.populations if spikes[p.name].any())
    collect()
    assert np.mean(refusals) < 0.7
    assert np.mean(shares) > 0.7
    assert kinds == {"relay", "adder", "neuron"}


@settings(max_examples=60, deadline=None)
@given(networks(), targets(), st.integers(0, 99))
def test_any_widths_are_kept_or_refused(network: Network, target: LoihiTarget, seed: int) -> None:
    bits = target.synapse.weight_bits.value
    try:
        integers, schedule = with_schedule(network, target, bits)
    except FindingsError as error:
        for finding in error.diagnostics:
            names_its_limit(finding)
        return
    within_widths(integers, target)
    assert check_bits(integers, schedule, target) == ()
    assert all(wait <= target.synapse.max_delay.value for _, wait in schedule.waits(integers))
    x, limit = spikes_in(seed, 2), 1 << (target.neuron.state_bits.value - 1)
    result = run(integers, {"x": x}, record_state=True)
    for name, at, out, state in specification(integers, x):
        assert (out, state.v) == (result.spikes[name][at], result.v[name][at]), (name, at)
        assert abs(state.u) < limit
        assert abs(state.v) < limit


def test_more_weight_bits_than_a_synapse_has() -> None:
    network, target = residual(0, 1), with_widths(weight_bits=4)
    assert LOIHI.usual_weight_bits(target) == 4
    integers, _ = LoihiQuantizer(4).run(network, target)
    assert all(np.all(p.operator.weights % 16 == 0) for p in integers.projections)
    with pytest.raises(FindingsError) as error:
        LoihiQuantizer(5).run(network, target)
    (finding,) = error.value.diagnostics
    assert (finding.code, finding.values["limit"], finding.values["key"]) == (
        "NC310", 4, "synapse.weight_bits")


def test_counts_of_spikes_that_no_message_carries() -> None:
    network = residual(0, 1)
    network = replace(network, inputs=(replace(network.inputs[0], levels=9),))
    LoihiQuantizer(8).run(network, with_widths(message_bits=4))
    with pytest.raises(FindingsError) as error:
        LoihiQuantizer(8).run(network, with_widths(message_bits=3))
    assert [(d.code, d.values["limit"]) for d in error.value.diagnostics] == [("NC309", 7)]


def test_states_too_narrow_for_relays() -> None:
    network = skips(residual(0, 1), 3)
    target = with_widths(max_delay=1)
    integers, _ = LoihiQuantizer(8).run(network, target)
    with pytest.raises(FindingsError) as error:
        relay(integers, align(integers), with_widths(max_delay=1, state_bits=8), 8)
    (finding,) = error.value.diagnostics
    assert (finding.code, finding.values["needed"], finding.values["limit"]) == ("NC303", 128, 127)
    relay(integers, align(integers), with_widths(max_delay=1, state_bits=9), 8)


def test_relays_of_few_weight_bits() -> None:
    """A relay's weight is on the grid of the synapses, and every spike passes it."""
    network, target = skips(residual(0, 1), 3), with_widths(max_delay=1, weight_bits=2)
    integers, schedule = with_schedule(network, target, 2)
    relays = [p for p in integers.populations if p.repeats]
    assert relays
    assert check_bits(integers, schedule, target) == ()
    spikes = run(integers, {"x": spikes_in(3)}).spikes
    for population in relays:
        assert spikes["stem"].any()
        assert np.array_equal(spikes[population.name], spikes[population.repeats or ""])
