"""`check` and `build` refuse the same networks of the zoo, for the same reasons."""

from __future__ import annotations

import importlib

import pytest
import torch

pytest.importorskip("spikingjelly.activation_based.neuron")

from examples.zoo import table
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import UsageError
from neurocompile.families.targets import load_target
from tests.properties.verdicts import verdicts

TARGETS = ("loihi1", "loihi2", "truenorth")


@pytest.mark.slow
@pytest.mark.parametrize("name", table.architectures())
def test_check_and_build_agree(name: str) -> None:
    module, n_captured = importlib.import_module(f"examples.zoo.{name}"), 0
    for factory, make in table.small_networks(module).items():
        torch.manual_seed(0)
        try:
            graph = capture(table.shift_norms(make()), torch.rand(table.BATCH, *module.INPUT))
        except UsageError:
            continue  # both stop at the capture
        n_captured += 1
        for target in TARGETS:
            both = verdicts(graph, load_target(target))
            assert both.agree, (factory, target, both)
            assert not both.of_ours, (factory, target, both)
    assert n_captured
