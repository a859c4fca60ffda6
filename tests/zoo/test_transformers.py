"""The transformers of the zoo: published parameter counts, and the verdict at the right lines."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from types import ModuleType

import pytest
import torch

pytest.importorskip("spikingjelly.activation_based.neuron")

from examples.zoo.table import place_of
from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import Diagnostic, Severity, UsageError
from neurocompile.passes.legality import check_graph
from tests.paths import EXAMPLES, ROOT

ZOO = EXAMPLES / "zoo"
BATCH = 3
Line = tuple[str, str, int]  # code, file name, line

QUICK = ("spikformer", "qkformer", "sdt")  # of which one is captured in some seconds
MILLIONS = {  # as published or measured on the authors' code, to three decimals
    "spikformer": {
        "cifar_4_256": 4.159, "cifar_2_384": 5.768, "cifar_4_384": 9.331, "dvs_2_256": 2.586,
        "imagenet_8_384": 16.828, "imagenet_6_512": 23.386, "imagenet_8_512": 29.706,
        "imagenet_10_512": 36.026, "imagenet_8_768": 66.363},
    "spikingformer": {
        "cifar_4_256": 4.156, "cifar_2_384": 5.766, "cifar_4_384": 9.326, "dvs_2_256": 2.569,
        "imagenet_8_384": 16.828, "imagenet_8_512": 29.706, "imagenet_8_768": 66.363},
    "qkformer": {
        "cifar_4_384": 6.706, "imagenet_10_384": 16.474, "imagenet_10_512": 29.079,
        "imagenet_10_768": 64.963},
    "sdt": {
        "cifar_2_256": 2.567, "cifar_2_512": 10.234, "imagenet_8_384": 16.817,
        "imagenet_8_512": 29.690, "imagenet_8_768": 66.339},
    "sdt_v2": {"imagenet_8_384": 31.334, "imagenet_8_512": 55.350, "imagenet_8_768": 123.741},
    "sdt_v3": {"imagenet_t": 2.702, "imagenet_s": 5.106, "imagenet_m": 10.023,
               "imagenet_l": 18.988},
}


def cases() -> list[object]:
    """(module, factory, table of expected findings) of every architecture."""
    every = [(name, "small", "EXPECTED") for name in (
        "spikformer", "spikformer_v2", "spikingformer", "semm", "qkformer", "sdt", "sdt_v2",
        "sdt_v3")]
    every.append(("sdt_v3", "small_lif", "EXPECTED_LIF"))
    return [pytest.param(*case, id=f"{case[0]}-{case[1]}",
                         marks=() if case[0] in QUICK else pytest.mark.slow) for case in every]


def load(name: str) -> ModuleType:
    return importlib.import_module(f"examples.zoo.{name}")


@cache
def findings(name: str, factory: str) -> tuple[Diagnostic, ...]:
    module = load(name)
    torch.manual_seed(0)
    model = getattr(module, factory)()
    try:
        graph = capture(model, torch.rand(BATCH, *module.INPUT))
    except UsageError as error:
        return error.diagnostics
    return tuple(d for d in check_graph(graph) if d.level > Severity.NOTE)


def marks(name: str) -> set[Line]:
    """Lines of a file that end in a comment of one code, such as `# NC120`."""
    file = ZOO / f"{name}.py"
    matches = ((number, re.search(r"  # (NC\d{3})$", text))
             for number, text in enumerate(file.read_text().splitlines(), 1))
    return {(match[1], file.name, number) for number, match in matches if match}


def finding_lines(name: str, factory: str) -> set[Line]:
    return {(d.code, *(place_of(d.where) or ("", 0))) for d in findings(name, factory)}


@pytest.mark.parametrize("name", MILLIONS)
def test_parameter_counts(name: str) -> None:
    common, module = load("common"), load(name)
    parameters = {factory: common.parameters(common.on_meta(getattr(module, factory)))
             for factory in MILLIONS[name]}
    assert {factory: round(count / 1e6, 3)
            for factory, count in parameters.items()} == MILLIONS[name]


def test_spikformer_v2_has_the_size_of_its_abstract() -> None:
    common, module = load("common"), load("spikformer_v2")
    assert int(common.parameters(common.on_meta(module.imagenet_16_768)) / 1e6) == 172


def test_every_named_size_is_counted() -> None:
    for name, counts in MILLIONS.items():
        names = {key for key, value in vars(load(name)).items()
                 if callable(value) and re.search(r", [\d.]+ M parameters", value.__doc__ or "")}
        assert names == set(counts), name


@pytest.mark.parametrize(("name", "factory", "table"), cases())
def test_codes_counts_and_lines(name: str, factory: str, table: str) -> None:
    expected = getattr(load(name), table)
    assert Counter(d.code for d in findings(name, factory)) == expected
    lines = finding_lines(name, factory)
    here = {line for line in marks(name) if line[0] in expected}
    elsewhere = set().union(*map(marks, getattr(load(name), "PARTS_FROM", ())))
    assert {line for line in lines if line[1] == f"{name}.py"} == here
    assert {line for line in lines if line[1] != f"{name}.py"} <= elsewhere


FULL_SIZE = """
import json, resource, time
from collections import Counter
import torch
from examples.zoo.spikformer import imagenet_8_768
from examples.zoo.table import place_of
from neurocompile.capture.torch_model import capture
from neurocompile.passes.legality import check_graph
found = check_graph(capture(imagenet_8_768(), torch.zeros(1, 3, 224, 224), prove=False))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** 20
print(json.dumps([Counter(d.code for d in found), time.process_time(), peak]))
"""


@pytest.mark.slow
def test_66_million_parameters_take_a_minute_and_4_gib_at_most() -> None:
    run = subprocess.run([sys.executable, "-c", FULL_SIZE], cwd=ROOT, capture_output=True,
                         text=True, check=True)
    codes, seconds, gib = json.loads(run.stdout.splitlines()[-1])
    assert codes == {"NC120": 8 * 2, "NC122": 4, "NC125": 8 * 4}
    assert seconds <= 60  # of CPU
    assert gib <= 4
