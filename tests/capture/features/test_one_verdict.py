"""`check` and `build` say the same of every feature, legal or refused."""

from __future__ import annotations

import pytest

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import NeurocompileError
from neurocompile.families.targets import load_target
from neurocompile.options import Options
from tests.capture.features import code_nets, layer_nets, refused_nets, time_nets, wiring_nets
from tests.capture.features.harness import FEATURES
from tests.properties.verdicts import verdicts

MODULES = (code_nets, layer_nets, refused_nets, time_nets, wiring_nets)
NAMES = [name for name, one in FEATURES.items() if one.code.__module__ in {
    module.__name__ for module in MODULES}]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_check_and_build_agree(name: str) -> None:
    feature = FEATURES[name]
    try:
        graph = capture(feature.model(), feature.inputs(), n_ticks=feature.n_ticks)
    except NeurocompileError:
        return  # both stop at the capture
    both = verdicts(graph, load_target("loihi2"), Options(allow=feature.allow))
    assert both.agree, both
    assert not both.of_ours, both
