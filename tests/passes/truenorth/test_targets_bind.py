"""Every number of TrueNorth's target files binds: half of it gives another build, or is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurocompile.backends.truenorth.emit import emit_core_network
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.resources import layout
from neurocompile.families.targets import parse_target
from neurocompile.families.truenorth import TRUENORTH
from neurocompile.families.truenorth.demand import demand
from neurocompile.families.truenorth.estimates import estimates
from neurocompile.ir.network import Bias, Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Dense
from neurocompile.options import Options
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.text import target_toml
from neurocompile.target.truenorth import TrueNorthTarget
from tests.passes.truenorth.build import with_numbers
from tests.truenorth import truenorth_target

SMALL = {"chip.cores": 16, "chip.grid_width": 4, "core.neurons": 2}  # a chip that fills quickly


def chain(*weights: np.ndarray, v_th: float = 1.0, bias: float = 0.0) -> Network:
    """Dense layers, one after the other."""
    names = ["x", *(f"n{k:02}" for k in range(len(weights)))]
    cell = FloatNeuron("IF", 1.0, v_th, False, Reset.HARD)
    return Network(
        (Input("x", (weights[0].shape[1],), InputKind.SPIKES),),
        tuple(Population(name, (len(w),), cell, Bias(np.full(len(w), bias)) if bias else None)
              for name, w in zip(names[1:], weights, strict=True)),
        tuple(Projection(a, b, Dense((w.shape[1],), (len(w),), w))
              for a, b, w in zip(names, names[1:], weights, strict=False)), (), 4)


def long_skip() -> Network:
    """A chain of twelve, and its first population beside its last one."""
    network = chain(*(np.eye(2) for _ in range(12)))
    skip = Projection("n00", "n11", Dense((2,), (2,), np.eye(2)))
    return Network(network.inputs, network.populations, (*network.projections, skip), (), 4)


def numbers() -> Network:
    """A threshold and biases between the steps of the weights: the largest multiplier is taken."""
    return chain(np.arange(1, 31).reshape(3, 10) % 7 / 3 - 1.1, v_th=1.2345, bias=0.777)


def row(size: int) -> Callable[[], Network]:
    """Neurons that each reach one neighbor."""
    return lambda: chain(np.eye(size), np.eye(size) + np.eye(size, k=1))


PROBES: dict[str, tuple[Callable[[], Network], Mapping[str, int]]] = {
    r"chip.\w+": (row(6), SMALL),
    "core.neurons": (lambda: chain(np.ones((200, 2))), {}),
    "core.axons": (lambda: chain(np.eye(200)), {}),
    "core.axon_types": (lambda: chain(np.arange(1, 31).reshape(3, 10) % 15 - 7.0), {}),
    "core.max_delay": (long_skip, {}),
    r"neuron.\w+": (numbers, {}),
    r"costs.\w+": (numbers, {})}


def build(target: TrueNorthTarget, network: Network, folder: Path) -> tuple[Any, ...]:
    """All numbers of a build; "refused", and the codes of what speaks against it with limits."""
    try:
        target = parse_target(target_toml(target), "half.toml")  # type: ignore[assignment]
        lowering = Lowering(graph=None,  # type: ignore[arg-type]
                            whole=network, pruning=None, sample=None)
        run, options = Recorder(lambda _: None), Options(weight_bits=4, encoder="host")
        structure = TRUENORTH.structure(run, lowering, target, options)
        compilation = TRUENORTH.compile(run, structure, target, options)
        emit_core_network(compilation.cores, compilation.network, target.name, folder)
    except UsageError as error:
        return "refused", [(d.code, d.values["key"]) for d in error.diagnostics]  # of the file
    except FindingsError as error:
        return "refused", sorted((d.code, d.values["limit"]) for d in error.diagnostics)
    program = {path.name: path.read_bytes() for path in folder.iterdir()}
    return program, layout(target, demand(compilation)), estimates(compilation)


def quantities() -> list[tuple[str, str]]:
    return [(name, key) for name in ("truenorth", "truenorth-4x4")
            for key, _ in truenorth_target(name).quantities()]


@pytest.mark.parametrize(("name", "key"), quantities())
def test_half_of_a_number_is_another_build_or_refused(name: str, key: str, tmp_path: Path) -> None:
    (network, smaller), = [one for pattern, one in PROBES.items() if re.fullmatch(pattern, key)]
    whole = with_numbers(truenorth_target(name), smaller)
    if key.startswith("chip.") and whole.chip.chips.value > 1:
        network = row(120)  # on more than half of the chips
    half = dict(whole.quantities())[key].value // 2
    before = build(whole, network(), tmp_path / "whole")
    after = build(with_numbers(whole, {key: half}), network(), tmp_path / "half")
    assert before[0] != "refused", before
    assert before != after
    if not key.startswith("costs."):
        assert before[0] != after[0]
