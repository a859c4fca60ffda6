"""What the user says about a .nir file, and what is asked for where nobody says it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurocompile.diagnostics import Diagnostic, Location, UsageError
from neurocompile.options import Choice, Positive, option

PRODUCERS = ("snntorch", "spikingjelly", "norse", "sinabs", "nir")
RESETS = ("hard", "soft")
DISCRETIZATIONS = ("euler", "exact")
SNNTORCH_DT = 1e-4  # its exporter has no option for it
_QUESTIONS = {  # what to pass for each producer, besides --nir-producer
    "snntorch": ("reset",), "spikingjelly": ("dt",), "norse": ("dt", "reset"),
    "sinabs": ("reset",), "nir": ("dt", "reset", "discretization")}
LACKS = {
    "producer": ("which simulator wrote it",
                 f"--nir-producer {'|'.join(PRODUCERS)} (nir: NIR's own equations)"),
    "dt": ("how long a tick is",
           "--nir-dt SECONDS (the exporter's: SpikingJelly's default is 0.0001, norse's 0.001)"),
    "reset": ("what a spike does to the membrane potential", "--nir-reset hard|soft"),
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
        "What a spike does in a .nir file: v = v_reset, or v -= threshold.")
    discretization: str | None = option(
        Choice(DISCRETIZATIONS), None, "How --nir-producer nir steps its equations.")


def complete(options: NirOptions, file: str) -> NirOptions:
    """The options, complete. Raises UsageError: NC116 for what is missing, NC009 for nonsense."""
    producer = options.producer
    names = ("producer",) if producer is None else _QUESTIONS[producer]
    missing = [name for name in names if getattr(options, name) is None]
    if missing:
        raise UsageError(*(Diagnostic("NC116", Location(file=file), {
            "file": file, "what": LACKS[name][0], "option": LACKS[name][1]})
            for name in missing))
    if producer == "spikingjelly" and options.reset == "soft":
        raise bad_option("--nir-reset", "soft", "SpikingJelly exports hard resets only")
    own_dt = {"snntorch": SNNTORCH_DT, "sinabs": 1.0}.get(producer or "")
    if own_dt is not None and options.dt not in (None, own_dt):
        raise bad_option("--nir-dt", str(options.dt), f"{producer} writes with {own_dt:g}")
    if options.dt is not None:
        check_tick(options.dt)
    return options


def check_tick(dt: float) -> None:
    """Raise UsageError (NC009) for what is no length of a tick."""
    if not (math.isfinite(dt) and 1e-12 <= dt <= 1e6):
        raise bad_option("--nir-dt", str(dt), "it is a positive number of seconds")


def bad_option(option: str, value: str, reason: str) -> UsageError:
    """NC009 for an option."""
    return UsageError(Diagnostic("NC009", values={
        "option": option, "value": f"`{value}`", "reason": reason}))
