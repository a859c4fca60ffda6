"""The terminal report: a golden text, its width, its alphabet."""


import pytest

from neurocompile.report import data, html, terminal
from tests.paths import TESTS

GOLDEN = TESTS / "report/golden"
WHAT_IF = {"skipped": False, "most": 600, "changes": [
    {"change": "weight_bits", "value": 6, "cores": 1},
    {"change": "no_limit", "value": "synapse_memory", "cores": None}]}


@pytest.mark.parametrize("width", [80, 100])
def test_golden(compiled, verified, width, golden):
    made = {**data.resources_json(compiled), "what_if": WHAT_IF}  # no search's outcome
    text = terminal.render(made, data.fidelity_json(compiled, verified), width=width)
    golden(GOLDEN / f"terminal-{width}.txt", text)


@pytest.mark.parametrize("width", [20, 80, 100, 300])
def test_fits_and_is_ascii(compiled, verified, wide, width):
    for resources in (data.resources_json(compiled), wide):
        text = terminal.render(resources, data.fidelity_json(compiled, verified), width=width)
        assert text.isascii()
        assert max(map(len, text.split("\n"))) <= max(80, min(width, 100))
        assert all(c.isprintable() for line in text.split("\n") for c in line)


def test_color_uses_escapes_and_boxes(compiled):
    text = terminal.render(data.resources_json(compiled), data.fidelity_json(compiled), color=True)
    assert "\033[" in text
    assert "█" in text
    assert "\033[31m\u202e" not in text


def test_long_tables_are_cut(wide, compiled):
    text = terminal.render(wide, data.fidelity_json(compiled))
    assert "... 1,960 more; --format csv has all" in text


def test_what_was_not_done_is_said(unmeasured):
    text = terminal.render(data.resources_json(unmeasured), data.fidelity_json(unmeasured))
    assert "verification  not verified" in text
    assert "not measured (no sample given)" in text
    assert "if every neuron spiked" in text


def test_pruning_is_told_in_words_and_on_the_page(compiled, pruned):
    fidelity = {**data.fidelity_json(pruned),
                "accuracy": {"right": 30, "samples": 32, "unpruned": 31}}
    text = terminal.render(data.resources_json(pruned), fidelity)
    assert "tokens: 3 of 4 kept, with 87.5 % of the spikes: 0, 2, 3" in text
    assert "left of the network: 60 of 80 neurons, 300 of 400 synapses" in text
    page = html.render(data.resources_json(pruned), data.mapping_json(pruned),
                       data.diagnostics_json([], "loihi1"), fidelity, {})
    assert "pruning: tokens: 3 of 4 kept" in page
    assert "right on 30 of 32 labeled samples, before pruning on 31" in page
    assert "pruning" not in terminal.render(data.resources_json(compiled), fidelity)
