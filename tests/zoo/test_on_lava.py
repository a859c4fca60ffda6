"""Networks of every kind from PyTorch to Lava: 0 differing spikes, and the page says so."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurocompile.backends import synchronous
from neurocompile.families.pipeline import inputs_from
from tests.paths import DOCS
from tests.zoo import on_lava

PAGE = DOCS / "lava_runs.md"
MANY = [pytest.param(name, marks=pytest.mark.slow) if case.slow else name
        for name, case in on_lava.CASES.items()]


def cells(row: str) -> list[str]:
    return row.removeprefix("| ").removesuffix(" |").split(" | ")


def rows() -> dict[str, list[str]]:
    """The page's cells by network."""
    lines = [cells(text) for text in PAGE.read_text().splitlines() if text.startswith("| ")]
    return {row[0]: row for row in lines[1:]}


def test_the_page_lists_the_cases() -> None:
    assert list(rows()) == list(on_lava.CASES)
    assert {row[-1] for row in rows().values()} == {"0"}
    assert PAGE.read_text().startswith(on_lava.HEADER)


def test_two_inputs_give_the_models_two_outputs() -> None:
    case = on_lava.CASES["two inputs, two outputs"]
    torch.manual_seed(on_lava.SEED)
    model = case.prepare(case.make())
    compilation, arrays = on_lava.compilation(case)
    assert [r.ticks for r in compilation.network.readouts] == ["sum", "each"]
    with torch.no_grad():
        classes, spikes = model(*map(torch.from_numpy, arrays))
    outputs = list(synchronous.outputs(
        compilation.floating, inputs_from(compilation.floating, arrays)).values())
    np.testing.assert_allclose(outputs[0], classes, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(outputs[1], spikes.transpose(0, 1))
    assert spikes.any()


@pytest.mark.lava
@pytest.mark.parametrize("name", MANY)
def test_deployed_spikes_equal_the_reference(name: str) -> None:
    *structure, spikes, differences = cells(on_lava.row(name))
    assert differences == "0"
    assert [*structure, differences] == [*rows()[name][:-2], rows()[name][-1]], (
        "run python -m tests.zoo.on_lava > docs/lava_runs.md")
    assert spikes != "0"  # how many hangs on the last bits of a processor's float sums
