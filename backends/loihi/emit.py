"""Emit: an integer network as a Lava program that runs without neurocompile and without torch."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from neurocompile.array_file import write_arrays
from neurocompile.backends.loihi.bits import check_bits
from neurocompile.backends.loihi.net_chain import net_chain
from neurocompile.backends.loihi.plan import (
    ADDER,
    Neurons,
    Plan,
    make_plan,
    part_ids,
    without_names,
)
from neurocompile.backends.outputs import output_entry, write_host_programs
from neurocompile.backends.results import Emission
from neurocompile.diagnostics import Diagnostic, UsageError, raise_errors
from neurocompile.formats.net.write import net_bytes
from neurocompile.ir.network import Input, Network
from neurocompile.ir.operators import Array, Conv, Dense
from neurocompile.ir.schedule import Schedule
from neurocompile.semantics.reset import Reset
from neurocompile.target.loihi import LoihiTarget

FAMILIES = frozenset({"loihi1", "loihi2"})
FORMAT = "neurocompile/loihi-program/1"
PROGRAM_FILES = ("lavacompat.py", "lavacrash.py", "processes/axons.py", "processes/host.py",
          "processes/neurons.py")
ADDER_FILE = "processes/graded.py"
PACKAGE_DOC = '"""Lava processes of this program; Lava runs every file of this folder."""\n'


def emit(network: Network, schedule: Schedule, target: LoihiTarget, out: Path) -> Emission:
    """Write the program of an integer network into the folder `out`.

    Raises UsageError when the target is none of Loihi's (NC601), FindingsError when a number of
    the network does not fit its formats. The same network always gives the same bytes.
    """
    if target.family not in FAMILIES:
        raise UsageError(Diagnostic("NC601", values={"backend": "loihi", "target": target.name}))
    raise_errors(check_bits(network, schedule, target))
    plan = make_plan(network, schedule, target)
    (out / "processes").mkdir(parents=True, exist_ok=True)
    adders = any(n.process == ADDER for n in plan.neurons)
    files = {name: _program_file(name) for name in (*PROGRAM_FILES, *[ADDER_FILE] * adders)}
    files["processes/__init__.py"] = PACKAGE_DOC
    files["network.json"] = _network_json(network, schedule, plan)
    chain = net_chain(network, schedule)
    notes = [*_notes(network, plan, target)]
    files["net.py"] = render("net.py.j2", plan)
    files["README.md"] = render("README.md.j2", plan, target=target.name,
                                net_file=not isinstance(chain, str), notes=_on_silicon(plan))
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    write_arrays(out / "weights.npz", _weights(network, plan))
    names = [*files, "weights.npz", *write_host_programs(network, out)]
    if isinstance(chain, str):
        (out / "network.net").unlink(missing_ok=True)
        notes.append(Diagnostic("NC606", values={"reason": chain}))
    else:
        (out / "network.net").write_bytes(net_bytes(chain))
        names.append("network.net")
    return Emission(tuple(out / name for name in sorted(names)), tuple(notes))


def render(template: str, plan: Plan, **more: object) -> str:
    """A template filled from a plan; the model's names are taken out of it first."""
    plan = without_names(plan)
    processes = {n.process for n in plan.neurons} | {s.process for s in plan.synapses}
    lines = any(s.process == "Conv" and s.delay for s in plan.synapses)
    gates = any(s.gate_delay for s in plan.synapses)
    host = {"BiasFeeder": any(n.bias == "encoder" for n in plan.neurons),
            "SpikeRecorder": any(n.process != ADDER for n in plan.neurons),
            "SpikeSource": any(not s.always for s in plan.sources), "StateRecorder": True,
            "Tie": bool(plan.ties)}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("neurocompile.backends.loihi"),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False)
    return environment.get_template(template).render(
        plan=plan, whc=lambda shape: tuple(reversed(shape)), wh=lambda pair: tuple(reversed(pair)),
        uses=lambda *names: bool(processes.intersection(names)),
        imports=lambda *names: ", ".join(n for n in names if n in processes),
        axons=["DelayLine"] * lines + ["SampleGate"] * gates,
        host=[name for name, present in host.items() if present],
        sums=[n.id for n in plan.neurons if n.accumulates],
        custom=sorted({n.process for n in plan.neurons} - {"LIFReset", ADDER}),
        adders=[n.id for n in plan.neurons if n.process == ADDER], **more)


def _program_file(name: str) -> str:
    folder = importlib.resources.files("neurocompile.backends.loihi") / "program"
    return (folder / name).read_text(encoding="utf-8")


def _weights(network: Network, plan: Plan) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for synapses in plan.synapses:
        operator = synapses.operator
        if synapses.process in ("Dense", "DelayDense", "Conv"):
            arrays[synapses.id] = operator.weights.astype(np.int16)
            continue
        csr = operator.matrix()
        arrays[f"{synapses.id}_data"] = csr.data.astype(np.int16)
        arrays[f"{synapses.id}_indices"] = csr.indices.astype(np.int32)
        arrays[f"{synapses.id}_indptr"] = csr.indptr.astype(np.int64)
    for neurons in plan.neurons:
        bias = network.population(neurons.name).bias
        if bias is not None:
            arrays[f"bias_{neurons.id}"] = np.broadcast_to(
                bias.mantissa, (neurons.size,)).astype(np.int16)
    return arrays


def _network_json(network: Network, schedule: Schedule, plan: Plan) -> str:
    ids = part_ids(network)
    neurons_by_id = {n.id: n for n in plan.neurons}
    populations: list[dict[str, Any]] = []
    for population in network.populations:
        entry: dict[str, Any] = {
            "id": ids[population.name], "name": population.name, "shape": list(population.shape),
            "on_host": population.on_host, "depth": schedule.depth[population.name]}
        if entry["id"] in neurons_by_id:
            neurons = neurons_by_id[entry["id"]]
            entry |= {"process": neurons.process, **_neuron(neurons), "first_step": neurons.first}
        populations.append(entry)
    projections = [
        {"id": s.id, "source": s.source, "target": s.target, "process": s.process,
         "synapses": s.synapses, "exponent": s.exponent, "sign_mode": s.sign_mode.lower(),
         "message_bits": s.message_bits, "delay": s.delay, "ticks_back": s.gate_delay,
         **_geometry(s.operator)} for s in plan.synapses]
    data = {
        "format": FORMAT, "n_ticks": plan.n_ticks, "latency": plan.latency,
        "arrays": {key: list(shape) for key, shape in plan.arrays.items()},
        "inputs": [{"id": ids[i.name], "name": i.name, "shape": list(i.shape),
                    "kind": i.kind.value, "levels": i.levels, **_ticks(i)} for i in network.inputs],
        "populations": populations, "projections": projections,
        "readouts": [output_entry(output, ids) for output in network.outputs],
    }
    return json.dumps(data, indent=1) + "\n"


def _neuron(neurons: Neurons) -> dict[str, object]:
    neuron = neurons.neuron
    if neuron is None:
        return {"graded": True}
    return {"du": neuron.du, "dv": neuron.dv, "vth": neuron.vth, "v_sub": neuron.v_sub,
            "bias": neurons.bias, "bias_exponent": neurons.bias_exponent}


def _ticks(item: Input) -> dict[str, object]:
    """The ticks of the data that an input takes, where that is not all."""
    return {"ticks": np.flatnonzero(item.ticks).tolist()} if item.ticks else {}


def _geometry(operator: object) -> dict[str, object]:
    if isinstance(operator, Conv):
        return {"operator": "conv", "in_shape": list(operator.in_shape),
                "out_shape": list(operator.out_shape), "kernel": list(operator.weight.shape),
                "stride": list(operator.stride), "padding": list(operator.padding),
                "dilation": list(operator.dilation), "groups": operator.groups}
    return {"operator": "dense" if isinstance(operator, Dense) else "sparse"}


def _notes(network: Network, plan: Plan, target: LoihiTarget) -> list[Diagnostic]:
    names = {n.id: n.name for n in plan.neurons} | {s.id: s.name for s in plan.sources}
    notes = [Diagnostic("NC605", network.population(n.name).where, {
        "module": n.name, "target": target.name,
        "what": "adds" if n.neuron is None else f"resets {n.neuron.reset.value}"},
        hint=None if n.neuron else "--streams duplicate does without, for more synapses")
        for n in plan.neurons if n.neuron is None or n.neuron.reset is not Reset.HARD]
    notes += [Diagnostic("NC607", values={
        "projection": f"{names[s.source]} -> {names[s.target]}", "program": "the emitted program"})
        for s in plan.synapses if s.gate_delay]
    return notes


def _on_silicon(plan: Plan) -> list[str]:
    lines = [f"`{n.id}` ({n.process}) needs a neuron program of its own."
             for n in plan.neurons if n.neuron is None or n.neuron.reset is not Reset.HARD]
    lines += [f"`{s.id}` carries spikes to a later tick; `SampleGate` drops those that would reach "
              "the next sample: pause between samples instead." for s in plan.synapses
              if s.gate_delay]
    lines += [f"`{n.id}` gets its bias mantissas from the host before each sample (`BiasFeeder`)."
              for n in plan.neurons if n.bias == "encoder"]
    lines += [f"`{s.id}` is a convolution with a delay of {s.delay} steps, a field of its "
              "synapses; Lava has none, `DelayLine` stands in." for s in plan.synapses
              if s.process == "Conv" and s.delay]
    return lines
