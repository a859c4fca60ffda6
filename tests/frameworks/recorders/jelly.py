"""SpikingJelly 2.0.0, 0.0.0.0.14 and 0.0.0.0.12: IF, LIF and ParametricLIF, both step modes."""

from __future__ import annotations

import importlib
import itertools
from collections import defaultdict
from typing import Any

import torch

from tests.frameworks.drive import drive
from tests.frameworks.golden import Case
from tests.frameworks.recorders.common import case

RESETS = (0.0, None, -0.25)
SETTINGS = ((2.0, 1.0, 0.0), (1.7, 0.7, -0.05))  # tau, v_threshold, added to a nonzero v_reset
Run = tuple[torch.Tensor, torch.Tensor]


def block(name: str, node: Any, version: str, training: bool) -> str:
    """The equations of a class: how it charges, and how it resets."""
    reset = "soft" if node.v_reset is None else "hard"
    if name == "IFNode":
        return f"jelly-if-{reset}"
    kind = "tau" if name == "LIFNode" else "rate"
    if node.decay_input:
        return f"jelly-lif-input-{kind}-{reset}"
    multiplies = not node.v_reset  # 0 or None
    if version == "2.0.0" or (version == "0.0.0.0.14" and name == "LIFNode" and not training and node.v_reset == 0.0):
        multiplies = False
    return f"jelly-lif-{'keep' if multiplies else kind}-{reset}"


def constants(name: str, node: Any) -> dict[str, Any]:
    """Every constant that a block of this class may name."""
    by_name = {"v_th": node.v_threshold, "v_reset": node.v_reset or 0.0}
    if name == "LIFNode":
        by_name |= {"tau": node.tau, "keep": 1.0 - 1.0 / node.tau}
    elif name == "ParametricLIFNode":
        rate = node.w.sigmoid()
        by_name |= {"rate": rate, "keep": 1.0 - rate}
    return by_name


def stimulus(options: dict[str, Any]) -> torch.Tensor:
    """Twice as strong where the class divides its input by about 2."""
    if not options.get("decay_input"):
        return drive(first=options["v_threshold"])
    tau = options.get("tau", options.get("init_tau"))
    return drive(2.0, first=options["v_threshold"] * tau)


def steps(node: Any, x: torch.Tensor) -> Run:
    """Spikes and membrane after each tick, one call per tick."""
    spikes, states = [], []
    for row in x:
        spikes.append(node(row))
        states.append(node.v.clone())
    return torch.stack(spikes), torch.stack(states)


def sequence(node: Any, x: torch.Tensor) -> Run:
    """The same from one call with all ticks."""
    spikes = node(x)
    return spikes, node.v_seq


def activation_based(name: str, options: dict[str, Any], version: str) -> list[Case]:
    """Step modes s and m, in training and evaluation mode, grouped by their equations."""
    make = getattr(importlib.import_module("spikingjelly.activation_based.neuron"), name)
    x = stimulus(options)
    runs: dict[str, dict[str, tuple[torch.Tensor, torch.Tensor]]] = defaultdict(dict)
    for training, mode in itertools.product((False, True), "sm"):
        node = make(**options, step_mode=mode, **({"store_v_seq": True} if mode == "m" else {}))
        node.train(training)
        run = steps(node, x) if mode == "s" else sequence(node, x)
        plain = make(**options, step_mode="m").train(training)
        if not torch.equal(plain(x), run[0]) or not torch.equal(plain.v, run[1][-1]):
            raise ValueError(f"{name} {options}: store_v_seq changes the numbers")
        variant = f"step_mode {mode}, {'training' if training else 'eval'}"
        runs[block(name, node, version, training)][variant] = run
    return [_case(node, name, options, version, equations, x, same)
            for equations, same in runs.items()]


def clock_driven(name: str, options: dict[str, Any], version: str) -> list[Case]:
    """The single-step class and its MultiStep twin; one case for each class."""
    neuron = importlib.import_module("spikingjelly.clock_driven.neuron")
    rows, x = [], stimulus(options)
    for cls, run in ((name, steps), (f"MultiStep{name}", sequence)):
        same = {}
        for training in (False, True):
            node = getattr(neuron, cls)(**options).train(training)
            same["training" if training else "eval"] = run(node, x)
        equations = block(name, node, "clock_driven", training)
        rows.append(_case(node, name, options, version, equations, x, same))
    return rows


def _case(node: Any, name: str, options: dict[str, Any], version: str, equations: str,
          x: torch.Tensor, same: dict[str, Run]) -> Case:
    (s, v), *others = same.values()
    if any(not torch.equal(s, t) or not torch.equal(v, w) for t, w in others):
        raise ValueError(f"{name} {options}: {list(same)} differ")
    return case(node, f"spikingjelly {version}", options, equations, constants(name, node),
                {"v": node.v_reset or 0.0}, {"x": x, "s": s, "v": v}, tuple(same))


def cases(version: str) -> list[Case]:
    """All classes, both settings, all resets; clock_driven where the version has it."""
    families = [clock_driven] if version != "2.0.0" else []
    if version != "0.0.0.0.12":
        families.insert(0, activation_based)
    rows = []
    for family, (tau, v_th, less), v_reset in itertools.product(families, SETTINGS, RESETS):
        common = {"v_threshold": v_th, "v_reset": v_reset + less if v_reset else v_reset}
        rows += family("IFNode", common, version)
        for decay_input in (True, False):
            more = {"decay_input": decay_input, **common}
            rows += family("LIFNode", {"tau": tau, **more}, version)
            rows += family("ParametricLIFNode", {"init_tau": tau, **more}, version)
    return rows
