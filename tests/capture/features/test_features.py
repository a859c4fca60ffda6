"""Every feature is captured and lowered exactly, or refused at the user's line."""

from types import ModuleType

import pytest
import torch
from torch import nn

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import FindingsError
from tests.capture.features import (
    code_nets,
    harness,
    host_nets,
    layer_nets,
    refused_nets,
    time_nets,
    wiring_nets,
)


def names_of(*files: ModuleType) -> list[str]:
    return [name for name, feature in harness.FEATURES.items()
            if feature.code.__module__ in {file.__name__ for file in files}]


LEGAL, ILLEGAL = names_of(
    time_nets, layer_nets, wiring_nets, code_nets, host_nets), names_of(refused_nets)
QUICK = [name for name in LEGAL if harness.joinable(harness.FEATURES[name])][::6]


def test_a_sixth_of_the_features_as_one_network() -> None:
    """The same claim as below, on one capture instead of a hundred."""
    network = harness.assert_same_spikes(harness.together(QUICK))
    assert {population.name.partition(".")[0] for population in network.populations} == set(QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEGAL)
def test_the_network_spikes_like_the_model(name: str) -> None:
    harness.assert_same_spikes(harness.FEATURES[name])


@pytest.mark.parametrize("name", [
    name if name == "ticks_scaled_by_their_number" else pytest.param(name, marks=pytest.mark.slow)
    for name in ILLEGAL])
def test_what_is_no_network_is_refused_at_its_line(name: str) -> None:
    feature = harness.FEATURES[name]
    assert feature.marks()
    assert harness.refusals(feature) == feature.marks()


def test_ticks_that_differ_are_named_by_both_lines() -> None:
    feature = harness.FEATURES["first_tick_by_another_layer"]
    finding, = harness.findings(feature)
    (code, first), = feature.marks()
    assert (finding.code, finding.where.line) == (code, first)
    assert f"refused_nets.py:{first}  in first" in finding.message
    assert f"refused_nets.py:{first + 2}  in fc" in finding.message


class Counter(nn.Module):
    """A state of the user's own, kept as a plain attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.mem = torch.zeros(2, 6)
        self.node = harness.one_tick()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mem = self.mem * 0.5 + x
        return self.node(self.mem)


def test_state_that_no_reset_clears_is_named() -> None:
    with pytest.raises(FindingsError) as error:
        capture(Counter(), torch.full((2, 6), 0.375), n_ticks=2)
    finding, = error.value.diagnostics
    assert finding.code == "NC105"
    assert finding.notes == ("`model.mem` changed while the model ran, and no reset clears it",)


def test_every_member_of_the_result_is_recorded() -> None:
    feature = harness.FEATURES["outputs_in_nested_lists_with_none"]
    outputs = capture(feature.model(), feature.inputs()).info["outputs"]
    assert [(o["path"], o.get("value")) for o in outputs] == [
        ("[0]", None), ("[1]", "None"), ("[2][0]", None), ("[2][1]", "None")]
    lines = [o["line"] for o in outputs if "value" not in o]
    assert lines == [feature.code.__code__.co_firstlineno + 3] * 2
