"""Energy and time: by hand on a small mapping, and unknown where nothing is published."""

from dataclasses import replace

import pytest

from neurocompile.families.targets import load_target
from neurocompile.ir.mapping import ChipMapping, CoreId, Placement
from neurocompile.report import data, html, terminal, words
from neurocompile.report.estimates import estimates

RATE = 9 / 64  # of all populations of the small compilation


def test_by_hand(compiled):
    found = estimates(compiled)
    events = 83_672 * RATE * 4  # all synapses, 4 ticks
    assert found["synaptic_events"] == pytest.approx(events)
    assert found["energy_pj"]["synapses"] == pytest.approx([23.6 * events, 35.5 * events])
    assert found["energy_pj"]["neurons"] == pytest.approx([566 * 52 * 4, 566 * 81 * 4])
    busiest = 46 * 256 * RATE  # the first core with 46 neurons of 256 synapses
    routing = compiled.mapping.routing
    got = max(routing.messages[routing.destination == k].sum() for k in range(1, 6))
    tick = [busiest * 3.5 + 46 * 5.3 + 113, busiest * 3.8 + 46 * 8.4 + 16 * got + 465]
    assert found["tick_ns"] == pytest.approx(tick, abs=1e-3)
    assert found["sample_ns"] == pytest.approx([4 * t for t in tick], abs=1e-3)
    assert found["energy_pj"]["static"] == pytest.approx([104 * 4 * t for t in tick], abs=0.5)
    hops = compiled.mapping.routing.summary(compiled.mapping.placement)["hops"]["total"]
    assert hops > 0
    sent = routing.messages[routing.between_cores].sum()
    assert found["energy_pj"]["mesh"] == pytest.approx(
        [1.7 * 4 * hops, 4.0 * 4 * hops + 111 * 4 * sent], abs=1e-3)
    assert found["total_pj"] == pytest.approx(
        [sum(part[k] for part in found["energy_pj"].values()) for k in (0, 1)], abs=0.01)
    assert found["measured"]


def test_several_chips_take_more_static_power_and_a_longer_barrier(compiled):
    parts = compiled.mapping.partition
    placed = Placement(tuple(CoreId(k % 2, k, 0) for k in range(len(parts.cores))))
    mapping = ChipMapping(parts, placed, compiled.mapping.routing)
    one, two = estimates(compiled), estimates(replace(compiled, mapping=mapping))
    assert two["tick_ns"][0] == one["tick_ns"][0]
    assert two["tick_ns"][1] == pytest.approx(one["tick_ns"][1] + 16_200 - 465)
    assert two["energy_pj"]["static"][0] == pytest.approx(2 * one["energy_pj"]["static"][0])


def test_without_a_sample_every_neuron_spikes(unmeasured):
    found = estimates(unmeasured)
    assert found["synaptic_events"] == 83_672 * 4
    assert not found["measured"]
    told = " ".join(words.estimates(data.resources_json(unmeasured)))
    assert "if every neuron spiked" in told
    assert "Davies 2018" in told
    assert "not compared with hardware" in told


def test_unknown_is_said(compiled, verified):
    other = replace(compiled, target=load_target("loihi2"))
    assert estimates(other)["known"] is False
    resources, fidelity = data.resources_json(other), data.fidelity_json(other, verified)
    told = "unknown: no energy or time per operation is published for loihi2"
    assert told in terminal.render(resources, fidelity)
    assert told in html.render(resources, data.mapping_json(other),
                               data.diagnostics_json([], "loihi2"), fidelity, {})


@pytest.mark.parametrize(("values", "told"), [
    ([0.0, 0.5], "0 to 0.5 pJ"), ([999.0, 999.0], "999 pJ"), ([1000.0, 2000.0], "1 to 2 nJ"),
    ([900.0, 1e6], "0.0009 to 1 uJ"), ([1e15, 2e15], "1e+03 to 2e+03 J"),
])
def test_ranges_in_words(values, told):
    assert words.band(values, words.ENERGY) == told
