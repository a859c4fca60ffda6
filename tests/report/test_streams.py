"""What a report says about sums that several populations receive."""

from dataclasses import replace

from neurocompile.passes.loihi.streams.adders import Choice
from neurocompile.passes.loihi.streams.price import Price
from neurocompile.report import data, html, terminal

ONE, OTHER = Price(1000, 9000, 70, 500, 2, 9), Price(600, 5400, 50, 560, 1, 12)


def test_both_prices_and_the_reason_are_said(compiled, hostile):
    choice = Choice("adder", "it takes less synapse memory", (hostile,),
                    {"duplicate": ONE, "adder": OTHER}, compiled.network.populations[0])
    resources = data.resources_json(replace(compiled, streams=choice))
    assert resources["streams"]["prices"]["adder"]["latency"] == 12
    assert resources["streams"]["adders"] == [hostile]
    text = terminal.render(resources, data.fidelity_json(compiled))
    page = html.render(resources, data.mapping_json(compiled), data.diagnostics_json([], "loihi1"),
                       data.fidelity_json(compiled), {})
    for shown in (" ".join(text.split()), page):
        assert "sums of branches by 1 adder: it takes less synapse memory" in shown
        assert "duplicate: 1,000 synapses in" in shown
        assert "about 1 core, latency 12 ticks" in shown


def test_networks_without_streams_have_no_entry(compiled):
    resources = data.resources_json(compiled)
    assert "streams" not in resources
    assert "streams" not in terminal.render(resources, data.fidelity_json(compiled))
