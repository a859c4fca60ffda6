"""What the user says about a .nir file, and what is asked for where nobody says it.

Each thing that a producer's export does not write is in one of three tables: _QUESTIONS where
networks differ in it, _CONSTANTS where all of the producer's are equal, _UNWRITTEN where most have the
default. The last are one question, which names them all.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.option_values import Choice, Positive
from neurocompile.options import option

PRODUCERS = ("snntorch", "spikingjelly", "norse", "sinabs", "rockpool", "nir")
RESETS = ("hard", "soft", "none")
DISCRETIZATIONS = ("euler", "exact")
SPIKES = ("single", "multi")
_QUESTIONS: Mapping[str, tuple[str, ...]] = {  # what to pass, besides --nir-producer
    "snntorch": ("reset", "unwritten"),
    "spikingjelly": ("dt",),
    "norse": ("dt", "tau_scale", "reset", "unwritten"),
    "sinabs": ("reset", "spikes", "unwritten"),
    "rockpool": ("dt", "spikes", "unwritten"),
    "nir": ("dt", "reset", "discretization")}
_CONSTANTS: Mapping[str, Mapping[str, Any]] = {  # what is so in every file of a producer
    "snntorch": {"dt": 1e-4, "spikes": "single"},  # its exporter has no option for dt
    "spikingjelly": {"reset": "hard", "spikes": "single"},
    "norse": {"spikes": "single"},
    "sinabs": {"dt": 1.0},  # tau is in ticks
    "rockpool": {"reset": "soft"},
    "nir": {"spikes": "single"}}
_ONLY_WITH = {  # the node types that a question is about
    "tau_scale": {"LI", "LIF", "CubaLIF"}, "spikes": {"IF", "LIF", "CubaLIF"},
    "unwritten": {"I", "IF", "LI", "LIF", "CubaLI", "CubaLIF"}}
_SYNAPSES = "AvgPool2d(padding=0), padding_mode='zeros', and nothing computed between modules"
_UNWRITTEN = {  # what the export drops, as it is read
    "snntorch": "reset_delay=True, graded_spikes_factor=1, inhibition=False, state_quant=False, "
                + _SYNAPSES,
    "norse": f"v_reset=0 where the file has zeros, {_SYNAPSES}",
    "sinabs": "norm_input as each class has it (True of LIF, False of ExpLeak), tau_syn=None, "
              f"min_v_mem=None, MembraneReset(0), {_SYNAPSES}",
    "rockpool": "bias=0, noise_std=0, has_rec=False, leak_mode='taus', max_spikes_per_dt=2**16 if "
                "--nir-spikes is multi, and nothing computed between modules"}
_LACKS = {
    "producer": ("which simulator wrote it",
                 f"--nir-producer {'|'.join(PRODUCERS)} (nir: NIR's own equations)"),
    "dt": ("how long a tick is",
           "--nir-dt SECONDS (default of SpikingJelly's export 0.0001, norse and Rockpool 0.001)"),
    "tau_scale": ("what `to_nir` divided by tau_mem_inv",
                  "--nir-tau-scale NUMBER (by default 0.001 in norse 1.1.0; 1 before and after it)"),
    "reset": ("what a spike does to the membrane potential",
              "--nir-reset hard|soft (snnTorch: or none)"),
    "spikes": ("whether its neurons fire several times in a tick",
               "--nir-spikes single|multi (by default they do: multi)"),
    "discretization": ("how its differential equations become ticks",
                       "--nir-discretization euler|exact"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NirOptions:
    """What the user says about a .nir file; None: nothing."""

    producer: str | None = option(
        Choice(PRODUCERS), None, "Who wrote a .nir file; `nir`: read it by NIR's own equations.")
    dt: float | None = option(
        Positive("SECONDS"), None, "A tick of a .nir file; 0.0001 is written if not given.")
    reset: str | None = option(
        Choice(RESETS), None,
        "What a spike does in a .nir file: v = v_reset, v -= threshold, or (snntorch) nothing.")
    discretization: str | None = option(
        Choice(DISCRETIZATIONS), None, "How --nir-producer nir steps its equations.")
    tau_scale: float | None = option(
        Positive(), None, "What norse's to_nir wrote: tau = NUMBER / tau_inv.")
    spikes: str | None = option(
        Choice(SPIKES), None, "How often the neurons of sinabs and Rockpool fire in a tick.")
    unwritten: str | None = option(
        Choice(("default",)), None,
        "What the producer's export does not write is as its classes have it by default.")


def complete(options: NirOptions, file: str, kinds: Collection[str]) -> NirOptions:
    """The options, complete with what the producer fixes. `kinds`: the types of the file's nodes.

    Raises UsageError: NC116 for what is missing, NC009 for nonsense.
    """
    producer = options.producer
    names = ("producer",) if producer is None else tuple(
        name for name in _QUESTIONS[producer]
        if name not in _ONLY_WITH or not _ONLY_WITH[name].isdisjoint(kinds))
    missing = [name for name in names if getattr(options, name) is None]
    if missing:
        raise UsageError(*(question(name, file, producer) for name in missing))
    if producer is None:
        return options
    constants = _CONSTANTS[producer]
    for name in ("dt", "reset", "discretization", "tau_scale", "spikes", "unwritten"):
        value = getattr(options, name)
        if value is not None and name not in _QUESTIONS[producer] and value != constants.get(name):
            raise bad_option(f"--nir-{name.replace('_', '-')}", str(value), (
                f"{producer} writes with {constants[name]}" if name in constants
                else f"it says nothing about a file of {producer}"))
    if options.reset == "none" and producer != "snntorch":
        raise bad_option("--nir-reset", "none", f"the neurons of {producer} are reset")
    if options.dt is not None:
        check_tick(options.dt)
    return replace(options, **constants)


def question(name: str, file: str, producer: str | None) -> Diagnostic:
    """NC116 for an option that decides."""
    if name == "unwritten":
        what, answer = "everything that its spikes depend on", (
            f"--nir-unwritten default if its network has {_UNWRITTEN[producer or '']}; else capture "
            "the PyTorch model")
    else:
        what, answer = _LACKS[name]
    return Diagnostic("NC116", Location(file=file), {"file": file, "what": what, "option": answer})


def check_tick(dt: float) -> None:
    """Raise UsageError (NC009) for what is no length of a tick."""
    if not (math.isfinite(dt) and 1e-12 <= dt <= 1e6):
        raise bad_option("--nir-dt", str(dt), "it is a positive number of seconds")


def bad_option(option: str, value: str, reason: str) -> UsageError:
    """NC009 for an option."""
    return UsageError(Diagnostic("NC009", values={
        "option": option, "value": f"`{value}`", "reason": reason}))
