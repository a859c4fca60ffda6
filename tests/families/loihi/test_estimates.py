"""Energy and time: by hand on a small mapping, and unknown where nothing is published."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neurocompile.builds.builder import BuildResult
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.families.loihi.estimates import show
from neurocompile.families.loihi.operation_costs import estimate
from neurocompile.families.routes import routes
from neurocompile.families.targets import load_target
from neurocompile.ir.mapping import ChipMapping, CoreId, Placement
from neurocompile.report.estimates import Cost
from neurocompile.target.loihi import LoihiTarget


def compilation_of(build: BuildResult) -> LoihiCompilation:
    assert isinstance(build.compilation, LoihiCompilation)
    return build.compilation


def cost_of(compilation: LoihiCompilation) -> Cost:
    cost = estimate(compilation).cost
    assert cost is not None
    return cost


def test_by_hand(loihi_build: BuildResult) -> None:
    """4,096 synapses of the input in every tick, 864 at the rate of `if1`; 312 neurons, 4 ticks."""
    compilation = compilation_of(loihi_build)
    cost = cost_of(compilation)
    assert compilation.fidelity is not None
    rate = compilation.fidelity.populations["if1"].rate
    events = 4 * (4096 + 864 * rate)
    assert cost.synaptic_events == pytest.approx(events)
    assert cost.energy_pj["synapses"] == pytest.approx([23.6 * events, 35.5 * events])
    assert cost.energy_pj["neurons"] == pytest.approx([312 * 52 * 4, 312 * 81 * 4])
    routing, cores = compilation.mapping.routing, compilation.mapping.partition.cores
    into = {"if1": 4096 / 288, "if2": 864 * rate / 24}  # events per neuron and tick
    work = [sum(into[s.population] * s.size for s in pieces) for pieces in cores]
    sizes = [sum(s.size for s in pieces) for pieces in cores]
    inward = [routing.messages[routing.destination == k].sum() for k in range(len(cores))]
    low = max(3.5 * w + 5.3 * n for w, n in zip(work, sizes, strict=True)) + 113
    high = max(3.8 * w + 8.4 * n + 16 * m for w, n, m in zip(work, sizes, inward, strict=True)) + 465
    assert cost.tick_ns == pytest.approx((low, high), abs=1e-3)
    assert cost.sample_ns == pytest.approx((4 * low, 4 * high), abs=1e-2)
    assert cost.energy_pj["static"] == pytest.approx([104 * 4 * low, 104 * 4 * high], abs=0.5)
    hops = routes(routing, compilation.mapping.placement).hops.total
    assert hops > 0
    outward = routing.messages[routing.between_cores].sum()
    assert cost.energy_pj["mesh"] == pytest.approx(
        [1.7 * 4 * hops, 4.0 * 4 * hops + 111 * 4 * outward], abs=1e-2)
    assert cost.total_pj == pytest.approx(
        [sum(part[k] for part in cost.energy_pj.values()) for k in (0, 1)], abs=0.01)
    assert cost.measured


def test_several_chips_take_more_static_power_and_a_longer_barrier(
        loihi_build: BuildResult) -> None:
    compilation = compilation_of(loihi_build)
    parts = compilation.mapping.partition
    places = Placement(tuple(CoreId(k % 2, k, 0) for k in range(len(parts.cores))))
    mapping = ChipMapping(parts, places, compilation.mapping.routing)
    one, two = cost_of(compilation), cost_of(replace(compilation, mapping=mapping))
    assert two.tick_ns[0] == one.tick_ns[0]
    assert two.tick_ns[1] == pytest.approx(one.tick_ns[1] + 16_200 - 465)
    assert two.energy_pj["static"][0] == pytest.approx(2 * one.energy_pj["static"][0])


def test_without_a_sample_every_neuron_spikes(unmeasured_build: BuildResult) -> None:
    data = estimate(compilation_of(unmeasured_build))
    assert data.cost is not None
    assert data.cost.synaptic_events == 4 * (4096 + 864)
    assert not data.cost.measured
    text = " ".join(line.text for line in show(data, unmeasured_build.report).lines)
    assert "if every neuron spiked" in text
    assert "Davies 2018" in text
    assert "not compared with hardware" in text


def test_unknown_is_said(loihi_build: BuildResult) -> None:
    target = load_target("loihi2")
    assert isinstance(target, LoihiTarget)
    data = estimate(replace(compilation_of(loihi_build), target=target))
    assert data.cost is None
    (line,) = show(data, loihi_build.report).lines
    assert line.text == "unknown: no energy or time per operation is published for loihi2"
