"""Golden vectors through the compiler: each case's profile in torch and in onnxruntime.

    python -m tests.semantics.golden_neurons > docs/neurons.md
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper

import neurocompile.capture.neuron_op  # noqa: F401 - registers the op
from neurocompile.capture.adapters import ADAPTERS
from neurocompile.ir.neuron_function import DOMAIN, DOMAIN_VERSION, function_body
from neurocompile.semantics.floating import Profile
from neurocompile.semantics.normal_form import NoNormalForm, normal_form
from tests.frameworks.golden import FOLDER, Case, load

OPSET = 20
MODULES = {adapter.__name__.rpartition(".")[2]: adapter for adapter in ADAPTERS}
ADAPTER_OF = {"lava-dl": "slayer"}  # framework -> its adapter, where the names differ
INPUTS = ("x", "u0", "v0", "y")
HEAD = """# Neurons

Written by `python -m tests.semantics.golden_neurons > docs/neurons.md`; a test compares. Each row
is a class with its options, recorded from the framework itself (`tests/golden/neurons`) and run by
its profile, as the torch op and as the ONNX function body in onnxruntime. *different*: spikes and
states that differ from the framework's, of all that were compared, bit for bit. *reset*: that of
its normal form. *chip*: whether it has one, so that networks of it can be built, or why not: such a
neuron is captured and checked, and its network runs in any ONNX runtime.

A row without a profile is refused when a model is captured.
"""


@dataclass(frozen=True, eq=False)
class Row:
    """One case: its profile and what was compared, or why it has none."""

    case: Case
    profile: Profile | None = None
    constants: tuple[float, ...] = ()  # in the profile's order, as float32 holds them
    reason: str = ""
    compared: int = 0
    different: int = 0

    @property
    def spikes(self) -> int | None:
        """How often it emitted; None for a class that emits its membrane."""
        s, v = (self.case.arrays.get(name) for name in "sv")
        return None if s is None or np.array_equal(s, v) else int(np.count_nonzero(s))


@lru_cache
def rows(path: Path) -> tuple[Row, ...]:
    """All cases of a file, compared."""
    found = [_profiled(case) for case in load(path)]
    runs = [row for row in found if row.profile is not None]
    counts = {id(row): [0, 0] for row in found}
    for ticks in (True, False):
        feeds = [_inputs(row.case, ticks) for row in runs]
        for row, feed, saved in zip(runs, feeds, _run_onnx(runs, feeds), strict=True):
            for outputs in (_run_torch(row, feed), saved):
                for name, wanted in _expected(row.case, ticks).items():
                    counts[id(row)][0] += wanted.size
                    counts[id(row)][1] += _different(wanted, outputs["suv".index(name)])
    return tuple(replace(row, compared=counts[id(row)][0], different=counts[id(row)][1])
                 for row in found)


def _profiled(case: Case) -> Row:
    adapter = MODULES[ADAPTER_OF.get(case.framework, case.framework)]
    if all("training" in variant for variant in case.variants):
        return Row(case, reason="never captured: in training mode only")
    try:
        profile, constants = adapter.profile_of(case.cls, case.version, case.options)
    except ValueError as error:
        return Row(case, reason=f"refused: {error}")
    return Row(case, profile, tuple(float(np.float32(constants[n])) for n in profile.constants))


def _inputs(case: Case, ticks: bool) -> dict[str, np.ndarray]:
    """All ticks in a row, from the start; or each tick on its own, from the state before it."""
    arrays = {name: case.arrays[name] for name in "xy" if name in case.arrays}
    states = {name: np.full_like(case.arrays["x"], case.start.get(name, 0.0)) for name in "uv"}
    for name, state in states.items():
        if name in case.arrays:
            state[1:] = case.arrays[name][:-1]
    if ticks:
        return {**arrays, **{f"{name}0": state[0] for name, state in states.items()}}
    return {**{name: array[None] for name, array in arrays.items()},
            **{f"{name}0": state for name, state in states.items()}}


def _expected(case: Case, ticks: bool) -> dict[str, np.ndarray]:
    """What the framework gave: spikes of all ticks, states after the last, or after each."""
    found = {name: case.arrays[name] for name in "suv" if name in case.arrays}
    if ticks:
        return {name: array if name == "s" else array[-1] for name, array in found.items()}
    return {name: array[None] if name == "s" else array for name, array in found.items()}


def _different(wanted: np.ndarray, found: np.ndarray) -> int:
    """How many values differ; all of them where the shapes do."""
    return wanted.size if wanted.shape != found.shape else int((wanted != found).sum())


def _run_torch(row: Row, feed: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """(s, u, v) of the torch op."""
    given = [(feed[n].tobytes(), feed[n].shape) if n in feed else None for n in INPUTS]
    return _op(row.profile.encode() if row.profile else "", row.constants, *given)


@lru_cache(maxsize=1024)  # versions and step modes of a framework often give the same run
def _op(profile: str, constants: tuple[float, ...], *given: tuple[bytes, tuple[int, ...]] | None
        ) -> tuple[np.ndarray, ...]:
    arrays = [g if g is None else torch.from_numpy(np.frombuffer(g[0], np.float32).reshape(g[1])
                                                   .copy()) for g in given]
    return tuple(out.numpy() for out in torch.ops.neurocompile.neuron(
        *arrays, profile, list(constants), "it"))


def _run_onnx(runs: list[Row], feeds: list[dict[str, np.ndarray]]) -> list[tuple[np.ndarray, ...]]:
    """(s, u, v) of the function bodies in onnxruntime: one model with a node per case."""
    nodes, values, outputs, given, profiles = [], [], [], {}, {}
    for number, (row, feed) in enumerate(zip(runs, feeds, strict=True)):
        profile: Any = row.profile
        profiles[profile.name] = profile
        names = [f"{name}_{number}" for name in INPUTS if name in feed]
        node = helper.make_node(
            profile.model, names, [f"{name}_{number}" for name in "suv"], domain=DOMAIN,
            module="it", **dict(zip(profile.constants, row.constants, strict=True)))
        node.overload = profile.name
        nodes.append(node)
        for name, array in zip(names, (feed[n] for n in INPUTS if n in feed), strict=True):
            values.append(helper.make_tensor_value_info(name, 1, array.shape))
            given[name] = array
        for name, shape in (("s", feed["x"].shape), ("u", feed["x"].shape[1:]),
                            ("v", feed["x"].shape[1:])):
            outputs.append(helper.make_tensor_value_info(f"{name}_{number}", 1, shape))
    model = helper.make_model(
        helper.make_graph(nodes, "golden", values, outputs), ir_version=10,
        functions=[function_body(profile, OPSET) for profile in profiles.values()],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, DOMAIN_VERSION)])
    onnx.checker.check_model(model)
    found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, given)
    return [tuple(found[3 * i:3 * i + 3]) for i in range(len(runs))]


def page() -> str:
    """The table of all files."""
    parts = [HEAD]
    for path in sorted(FOLDER.glob("*.npz")):
        parts += [f"\n## {path.stem}\n\n",
                  "| class | options | profile | ticks | spikes | different | reset | chip |\n",
                  "|---|---|---|---|---|---|---|---|\n"]
        parts += [_line(row) for row in rows(path)]
    return "".join(parts)


def _line(row: Row) -> str:
    case = row.case
    options = ", ".join(f"{k}={_short(v)}" for k, v in case.options.items())
    reset, chip = "-", "yes"
    if row.profile is None:
        chip = row.reason
    else:
        try:
            form = normal_form(row.profile, dict(zip(row.profile.constants, row.constants,
                                                     strict=True)))
            reset = form.neuron.reset.name.lower().replace("_", " ")
        except NoNormalForm as error:
            chip = f"no: {error}"
    cells = (case.cls.removeprefix(f"{case.framework}."), options or "-",
             row.profile.name if row.profile else "-", len(case.arrays["x"]),
             "-" if row.spikes is None else row.spikes,
             f"{row.different} of {row.compared}" if row.profile else "-", reset, chip)
    return f"| {' | '.join(str(cell) for cell in cells)} |\n"


def _short(value: Any) -> str:
    return f"[{value[0]:g} ... {value[-1]:g}]" if isinstance(value, list) and len(value) > 4 else (
        str(value))


if __name__ == "__main__":
    sys.stdout.write(page())
