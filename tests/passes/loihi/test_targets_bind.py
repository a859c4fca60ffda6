"""Every number of Loihi's target files binds: half of it gives another build, or is refused."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurocompile.backends.loihi.emit import emit
from neurocompile.diagnostics import FindingsError, UsageError
from neurocompile.families.compilation import Lowering, Recorder
from neurocompile.families.loihi import LOIHI
from neurocompile.families.loihi.demand import demand
from neurocompile.families.loihi.operation_costs import estimate
from neurocompile.families.resources import layout
from neurocompile.families.targets import load_target, parse_target
from neurocompile.ir.network import (
    Bias,
    Input,
    InputKind,
    Network,
    Population,
    Projection,
    Readout,
)
from neurocompile.ir.operators import Conv, Dense, Operator
from neurocompile.options import Options
from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget
from neurocompile.target.text import target_toml

INFORMATIONAL = {
    "synapse.weight_exponent_min": "weights of integer networks have no exponents below 0",
}
NAMES = ("loihi1", "loihi2", "loihi2-hala-point")


def loihi(name: str) -> LoihiTarget:
    target = load_target(name)
    assert isinstance(target, LoihiTarget)
    return target


def text_of(target: str, key: str | None = None, cores_of: int | None = None) -> str:
    """A shipped target's file, one number halved, toward zero."""
    text = target_toml(load_target(target))
    if cores_of is not None:
        text = re.sub(r"(\[core\]\nneurons = { value = )\d+", rf"\g<1>{cores_of}", text)
    if key is not None:
        table, _, name = key.rpartition(".")
        text, count = re.subn(
            rf"(\[{re.escape(table)}\]\n(?:\w+ = .*\n)*?{name} = {{ value = )(-?\d+)",
            lambda match: match[1] + str(int(int(match[2]) / 2)), text)
        assert count == 1
    return text


def neuron(v_th: float = 1.0, decay: float = 1.0, reset: Reset = Reset.HARD) -> FloatNeuron:
    return FloatNeuron("LIF", decay, v_th, True, reset)


def chain(*layers: tuple[str, FloatNeuron, np.ndarray], ticks: int = 4) -> Network:
    """Dense layers, one after the other."""
    operators: list[Operator] = [Dense((w.shape[1],), (len(w),), w) for _, _, w in layers]
    names = ["x", *(name for name, _, _ in layers)]
    return Network(
        (Input("x", operators[0].in_shape, InputKind.SPIKES),),
        tuple(Population(name, o.out_shape, cell) for (name, cell, _), o in zip(
            layers, operators, strict=True)),
        tuple(Projection(a, b, o) for a, b, o in zip(names, names[1:], operators, strict=False)),
        (), ticks)


def widths() -> Network:
    """Weights far above and below a large threshold, decays, a bias, a sum on the chip."""
    rng = np.random.default_rng(0)
    network = chain(("a", neuron(16.0, 0.9), rng.normal(0, 40, (20, 30))),
                    ("b", neuron(1.0, 0.7), rng.normal(0, 0.05, (20, 20))))
    first, second = network.populations
    return dataclasses.replace(
        network, populations=(first, dataclasses.replace(second, bias=Bias(rng.normal(0, 4, 20)))),
        readouts=(Readout("y", (4,), (("b", Dense((20,), (4,), rng.normal(0, 1, (4, 20)))),),
                          np.zeros(4)),))


def soft() -> Network:
    return chain(("a", neuron(reset=Reset.SOFT), np.eye(3)))


def image() -> Network:
    """Analog input in every tick, to a population that also gets spikes: graded where it can be."""
    both = chain(("a", neuron(), np.eye(4)), ("b", neuron(), np.eye(4)))
    return dataclasses.replace(
        both, inputs=(*both.inputs, Input("image", (4,), InputKind.ANALOG)),
        projections=(*both.projections, Projection("image", "b", Dense((4,), (4,), np.eye(4)))))


def long_skip() -> Network:
    """A chain of 40, and its first population beside its last one."""
    network = chain(*((f"n{k:02}", neuron(), np.eye(2)) for k in range(40)))
    skip = Projection("n00", "n39", Dense((2,), (2,), np.eye(2)))
    return dataclasses.replace(network, projections=(*network.projections, skip))


def lists(length: int, axons: int) -> Callable[[], Network]:
    """As many lists of that length, on one core."""
    return lambda: chain(("a", neuron(), np.ones((length, axons))))


def many_neurons(target: str) -> Network:
    return lists(loihi(target).core.neurons.value * 3 // 4, 2)()


def many_inputs() -> Network:
    return lists(2, 3000)()


def many_cores() -> Network:
    """6,000 neurons that each of 300 others reaches."""
    return chain(("a", neuron(), np.ones((300, 1))), ("b", neuron(), np.ones((6000, 300))))


def many_entries() -> Network:
    """Twelve thresholds, twenty decays and five signs and exponents of weights."""
    cells = [neuron(1 + k / 2) for k in range(12)] + [neuron(1, 0.3 + k / 40) for k in range(20)]
    signs = [np.eye(4), -np.eye(4), 1 - 2 * np.eye(4), 40 * np.eye(4), -900 * np.eye(4)]
    return chain(*((f"n{k:02}", cell, signs[k % 5]) for k, cell in enumerate(cells)))


def over_chips(target: str) -> Network:
    """Some more than a chip's cores of 16 neurons, which reach their neighbors in a row."""
    shape = (1, (load_target(target).chip.cores.value + 9) * 16 // 2, 1)
    near = Conv(shape, shape, np.ones((1, 1, 3, 1)), padding=(1, 0))
    first, second = (Population(name, shape, neuron()) for name in "ab")
    return Network((Input("x", shape, InputKind.SPIKES),), (first, second),
                   (Projection("x", "a", near), Projection("a", "b", near)), (), 2)


def half_of_all(target: str) -> Network:
    """More neurons than half of all cores hold, at one neuron each."""
    whole_target = load_target(target)
    return lists(whole_target.total_cores // 2 + 1, 1)()


def build(text: str, network: Network, folder: Path, **options: Any) -> tuple[Any, ...]:
    """All numbers of a build; "refused", and the codes of what speaks against it with limits."""
    try:
        target = parse_target(text, "half.toml")
        assert isinstance(target, LoihiTarget)
        usual = Options(**options).with_usual_bits(LOIHI.usual_weight_bits(target))
        lowering = Lowering(graph=None,  # type: ignore[arg-type]
                            whole=network, pruning=None, sample=None)
        run = Recorder(lambda _: None)
        compilation = LOIHI.compile(run, LOIHI.structure(run, lowering, target, usual), target, usual)
        emit(compilation.network, compilation.schedule, target, folder)
    except UsageError as error:
        return "refused", [(d.code, d.values["key"]) for d in error.diagnostics]  # of the file
    except FindingsError as error:
        return "refused", sorted((d.code, d.values.get("limit", "")) for d in error.diagnostics)
    program = {path.relative_to(folder): path.read_bytes()
               for path in folder.rglob("*") if path.is_file()}
    return (program, repr(compilation.usage), layout(target, demand(compilation)),
            estimate(compilation))


PROBES: dict[str, tuple[Callable[..., Network], dict[str, Any]]] = {
    "chip.(cores|grid_width|board_width)": (over_chips, {"cores_of": 16}),
    "chip.chips": (half_of_all, {"cores_of": 1}),
    "core.neurons": (many_neurons, {}),
    "core.input_axons": (many_inputs, {}),
    "core.(output_axons|synapse_memory)": (many_cores, {}),
    "core.(synapse_formats|threshold_configs|neuron_configs)": (many_entries, {}),
    "synapse.message_bits": (image, {"encoder": "graded"}),
    "synapse.max_delay": (long_skip, {}),
    "synapse.index_bits": (lists(20, 20), {"encoding": "sparse"}),
    "synapse.(weight_bits|weight_exponent_max)": (widths, {"readout": "chip"}),
    "accounting.nengo-loihi.block_header": (lists(647, 3), {}),
    "accounting.nengo-loihi.block_(synapses|word)": (lists(640, 3), {}),
    "accounting.nxtf.block_synapses": (lists(60, 3), {}),
    "accounting.nxtf.block_(header|index|spare|word)": (lists(5, 3), {}),
    "accounting.nxtf.reserved_memory": (lists(5, 3), {}),
    "accounting.modeled.block_header": (lists(7, 3), {}),
    "accounting.modeled.block_(synapses|word)": (lists(64, 3), {}),
    "neuron.programs": (soft, {}),
    r"neuron.(?!programs)\w+": (widths, {"readout": "chip"}),
    "costs.(hop|message|system)_.*": (over_chips, {"cores_of": 16}),
    "costs.(?!hop|message|system).*": (widths, {}),
}


def quantities() -> list[Any]:
    """Every number of every target that is not 0, or said to inform alone."""
    keys = [(name, key) for name in NAMES for key, quantity in load_target(name).quantities()
            if quantity.value and key not in INFORMATIONAL]
    return [pytest.param(*one, marks=[pytest.mark.slow] * (one == (NAMES[2], "chip.chips")))
            for one in keys]


def probe(target: str, key: str) -> tuple[Network, int | None, dict[str, Any]]:
    """The network on which a number must bind, and how it is built."""
    (network, options), = [one for pattern, one in PROBES.items() if re.fullmatch(pattern, key)]
    options = dict(options)
    cores_of = options.pop("cores_of", None)
    takes = network.__code__.co_argcount
    return network(target) if takes else network(), cores_of, options


@pytest.mark.parametrize(("target", "key"), quantities())
def test_half_of_a_number_is_another_build_or_refused(target: str, key: str,
                                                      tmp_path: Path) -> None:
    network, cores_of, options = probe(target, key)
    before = build(text_of(target, None, cores_of), network, tmp_path / "whole", **options)
    after = build(text_of(target, key, cores_of), network, tmp_path / "half", **options)
    assert before[0] != "refused", before
    assert before != after
    if after[0] == "refused":
        assert all(limit or code in ("NC202", "NC206") for code, limit in after[1])


@pytest.mark.parametrize("key", INFORMATIONAL)
def test_what_informs_alone_changes_nothing(key: str, tmp_path: Path) -> None:
    builds = [build(text_of("loihi2", half), widths(), tmp_path / str(half)) for half in (None, key)]
    assert builds[0] == builds[1]
