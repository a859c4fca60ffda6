"""Golden vectors through the compiler: each case's profile in torch and in onnxruntime.

    python -m tests.semantics.golden_neurons > docs/neurons.md
"""

from __future__ import annotations

import importlib
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

from neurocompile.capture.neuron_op import NEURON, neuron_call
from neurocompile.ir.neuron_function import function_body
from neurocompile.ir.neuron_node import DOMAIN, DOMAIN_VERSION, Inputs, Outputs
from neurocompile.semantics.floating import Profile
from neurocompile.semantics.normal_form import NoNormalForm, normal_form
from tests.frameworks.golden import FOLDER, Case, load

OPSET = 20
ADAPTER_OF = {"lava-dl": "slayer"}  # framework -> its adapter, where the names differ
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
    count: int = 0
    different: int = 0

    @property
    def spikes(self) -> int | None:
        """How often it emitted; None for a class that emits its membrane."""
        s, v = (self.case.arrays.get(name) for name in "sv")
        if s is None or (v is not None and np.array_equal(s, v)):
            return None
        return int(np.count_nonzero(s))


@lru_cache
def rows(path: Path) -> tuple[Row, ...]:
    """All cases of a file, compared."""
    entries = [_with_profile(case) for case in load(path)]
    runs = [row for row in entries if row.profile is not None]
    counts = {id(row): [0, 0] for row in entries}
    for ticks in (True, False):
        feeds = [_inputs(row.case, ticks) for row in runs]
        for row, feed, from_onnx in zip(runs, feeds, _run_onnx(runs, feeds), strict=True):
            for outputs in (_run_torch(row, feed), from_onnx):
                values = {"s": outputs.spikes, **outputs.final}
                for name, expected in _expected(row.case, ticks).items():
                    counts[id(row)][0] += expected.size
                    counts[id(row)][1] += _different(expected, values[name])
    return tuple(replace(row, count=counts[id(row)][0], different=counts[id(row)][1])
                 for row in entries)


def _with_profile(case: Case) -> Row:
    framework = ADAPTER_OF.get(case.framework, case.framework)
    adapter = importlib.import_module(f"neurocompile.capture.adapters.{framework}")
    if all("training" in variant for variant in case.variants):
        return Row(case, reason="never captured: in training mode only")
    try:
        profile, constants = adapter.profile_of(case.cls, case.version, case.options)
    except ValueError as error:
        return Row(case, reason=f"refused: {error}")
    return Row(case, profile, tuple(float(np.float32(constants[n])) for n in profile.constants))


def _inputs(case: Case, ticks: bool) -> Inputs[np.ndarray]:
    """All ticks in a row, from the start; or each tick on its own, from the state before it."""
    x, y = case.arrays["x"], case.arrays.get("y")
    states = {name: np.full_like(x, case.start.get(name, 0.0)) for name in "uv"}
    for name, state in states.items():
        if name in case.arrays:
            state[1:] = case.arrays[name][:-1]
    if ticks:
        return Inputs(x, {name: state[0] for name, state in states.items()}, y)
    return Inputs(x[None], states, None if y is None else y[None])


def _expected(case: Case, ticks: bool) -> dict[str, np.ndarray]:
    """What the framework gave: spikes of all ticks, states after the last, or after each."""
    arrays = {name: case.arrays[name] for name in "suv" if name in case.arrays}
    if ticks:
        return {name: array if name == "s" else array[-1] for name, array in arrays.items()}
    return {name: array[None] if name == "s" else array for name, array in arrays.items()}


def _different(expected: np.ndarray, result: np.ndarray) -> int:
    """How many values differ; all of them where the shapes do."""
    return expected.size if expected.shape != result.shape else int((expected != result).sum())


def _run_torch(row: Row, feed: Inputs[np.ndarray]) -> Outputs[np.ndarray]:
    """What the torch op gives."""
    profile: Any = row.profile
    texts = [(array.tobytes(), array.shape) for array in feed.in_order(profile.states)]
    return _op(profile, row.constants, *texts)


@lru_cache(maxsize=1024)  # versions and step modes of a framework often give the same run
def _op(profile: Profile, constants: tuple[float, ...], *texts: tuple[bytes, tuple[int, ...]]
        ) -> Outputs[np.ndarray]:
    arrays = [torch.from_numpy(np.frombuffer(text, np.float32).reshape(shape).copy())
              for text, shape in texts]
    call = neuron_call(Inputs.of(profile.states, arrays), profile, list(constants), "it")
    return call.outputs([out.numpy() for out in NEURON(*call)])


def _run_onnx(runs: list[Row], feeds: list[Inputs[np.ndarray]]) -> list[Outputs[np.ndarray]]:
    """What the function bodies give in onnxruntime: one model with a node per case."""
    nodes, values, outputs, names = [], [], [], []
    arrays: dict[str, np.ndarray] = {}
    profiles: dict[str, Profile] = {}
    for number, (row, feed) in enumerate(zip(runs, feeds, strict=True)):
        profile: Any = row.profile
        profiles[profile.name] = profile
        inputs = {f"i{k}_{number}": array for k, array in enumerate(feed.in_order(profile.states))}
        arrays |= inputs
        names.append(Outputs(f"s_{number}", {name: f"{name}_{number}" for name in profile.states}))
        node = helper.make_node(
            profile.model, list(inputs), names[-1].in_order(profile.states), domain=DOMAIN,
            module="it", **dict(zip(profile.constants, row.constants, strict=True)))
        node.overload = profile.name
        nodes.append(node)
        values += [helper.make_tensor_value_info(name, 1, array.shape)
                   for name, array in inputs.items()]
        shape = feed.current.shape
        outputs += [helper.make_tensor_value_info(names[-1].spikes, 1, shape),
                    *(helper.make_tensor_value_info(name, 1, shape[1:])
                      for name in names[-1].final.values())]
    model = helper.make_model(
        helper.make_graph(nodes, "golden", values, outputs), ir_version=10,
        functions=[function_body(profile, OPSET) for profile in profiles.values()],
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, DOMAIN_VERSION)])
    onnx.checker.check_model(model)
    output_names = [output.name for output in outputs]
    results = dict(zip(output_names, onnxruntime.InferenceSession(model.SerializeToString()).run(
        output_names, arrays), strict=True))
    return [Outputs(results[one.spikes], {state: results[name] for state, name in one.final.items()})
            for one in names]


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
             f"{row.different} of {row.count}" if row.profile else "-", reset, chip)
    return f"| {' | '.join(str(cell) for cell in cells)} |\n"


def _short(value: Any) -> str:
    return f"[{value[0]:g} ... {value[-1]:g}]" if isinstance(value, list) and len(value) > 4 else (
        str(value))


if __name__ == "__main__":
    sys.stdout.write(page())
