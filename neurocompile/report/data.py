"""A compilation as plain data: what the JSON and CSV files hold and every renderer reads.

All of it is deterministic: sorted, no times, only types that JSON has.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from neurocompile.diagnostics import Diagnostic, Severity, printable
from neurocompile.report.estimates import estimates
from neurocompile.report.usage import (
    cores,
    inputs,
    limits,
    populations,
    readouts,
    streams,
    totals,
    traffic,
)
from neurocompile.report.views import CommonView, CompilationView, FidelityView, VerificationView
from neurocompile.report.what_if import what_if

Data = dict[str, Any]
NOT_VERIFIED = "not verified"
CSV_COLUMNS = ("core", "chip", "x", "y", "resource", "unit", "used", "limit", "utilization",
               "headroom", "binding", "slices")


def diagnostics_json(diagnostics: Iterable[Diagnostic], target_name: str) -> Data:
    """The findings, errors first. A fingerprint stays when lines move; each is unique."""
    found = sorted(diagnostics, key=Diagnostic.sort_key)
    seen: Counter[tuple[str, str]] = Counter()
    items = []
    for one in found:
        place = (one.code, one.where.module)
        items.append(_finding(one, target_name, seen[place]))
        seen[place] += 1
    return {
        "schema": "neurocompile/diagnostics/1", "target": target_name,
        "counts": {level.label: sum(d.level == level for d in found)
                   for level in sorted(Severity, reverse=True)},
        "diagnostics": items,
    }


def _finding(one: Diagnostic, target: str, repeat: int) -> Data:
    key = "\0".join((one.code, one.where.module, target, str(repeat)))
    return {
        "code": one.code, "name": one.name, "severity": one.level.label, "target": target,
        "module": one.where.module, "file": one.where.file, "line": one.where.line,
        "message": one.message, "values": plain(one.values), "hint": one.help,
        "notes": list(one.notes),
        "fingerprint": hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32],
    }


def resources_json(compilation: CompilationView) -> Data:
    """What the mapping takes: per core, per population, in all, and against which limits."""
    target = compilation.target
    return {
        "schema": "neurocompile/resources/1",
        "target": {"name": target.name, "family": target.family,
                   "description": target.description, "path": target.path,
                   "cores_per_chip": target.chip.cores.value,
                   "grid_width": target.chip.grid_width.value},
        "limits": limits(target),
        "inputs": inputs(compilation.network),
        **({} if compilation.pruning is None else {"pruning": plain(compilation.pruning.to_json())}),
        "populations": populations(compilation),
        "readouts": readouts(compilation.network),
        "cores": cores(compilation),
        "totals": totals(compilation),
        "traffic": traffic(compilation.mapping),
        **streams(compilation),
        "what_if": what_if(compilation),
        "estimates": estimates(compilation),
    }


def fidelity_json(compilation: CommonView, verification: VerificationView | None = None) -> Data:
    """Float against integer network, and integer network against the deployed program."""
    return {
        "schema": "neurocompile/fidelity/1",
        "quantization": _quantization(compilation.fidelity),
        "verification": _verification(verification),
    }


def _quantization(fidelity: FidelityView | None) -> Data:
    if fidelity is None:
        return {"measured": False, "samples": 0, "populations": [], "same_argmax": {}}
    return {
        "measured": True, "samples": fidelity.samples,
        "populations": [
            {"name": name, "float_spikes": one.float_spikes, "integer_spikes": one.integer_spikes,
             "differing": one.differing, "neuron_ticks": one.neuron_ticks,
             "agreement": round(one.agreement, 6), "rate": round(one.rate, 6)}
            for name, one in fidelity.populations.items()],
        "same_argmax": {name: fidelity.same_argmax[name] for name in sorted(fidelity.same_argmax)},
    }


def _verification(verification: VerificationView | None) -> Data:
    if verification is None:
        return {"status": NOT_VERIFIED, "summary": NOT_VERIFIED, "samples": 0,
                "ticks_per_sample": 0, "ticks": 0, "spikes": 0, "differences": 0,
                "populations": []}
    items = [{"name": one.name, "neurons": one.neurons, "spikes": one.spikes, "sums": one.sums,
              "differences": one.differences} for one in verification.populations]
    spikes, differences = sum(p.spikes for p in verification.populations), sum(
        p.differences for p in verification.populations)
    return {
        "status": "differs" if differences else "verified" if spikes else "nothing proved",
        "summary": verification.summary, "samples": verification.samples,
        "ticks_per_sample": verification.ticks, "ticks": verification.samples * verification.ticks,
        "spikes": spikes, "differences": differences, "populations": items,
    }


def mapping_json(compilation: CompilationView) -> Data:
    """Which slice sits on which core, where the core is, and the traffic between them."""
    return {"schema": "neurocompile/mapping/1", "target": compilation.target.name,
            **compilation.mapping.to_json([core.to_json() for core in compilation.usage.cores])}


def trace_json(compilation: CommonView, seconds: bool = False) -> Data:
    """Options and stages in the order they ran. `seconds` makes it differ from run to run."""
    return {
        "schema": "neurocompile/trace/1", "target": compilation.target.name,
        "options": plain(dataclasses.asdict(compilation.options)),
        "stages": [{"name": stage.name, "result": stage.result,
                    **({"seconds": round(stage.seconds, 3)} if seconds else {})}
                   for stage in compilation.stages],
    }


def resources_csv(resources: Mapping[str, Any]) -> str:
    """One row per core and resource; `slices` lists what the core holds.

    A slice starts with digits, so no name can become a spreadsheet's formula.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    units = {name: limit["unit"] for name, limit in resources["limits"]["core"].items()}
    for core in resources["cores"]:
        held = "; ".join(f"{s['start']}:{s['stop']} of {printable(s['population'])}"
                         for s in core["slices"])
        for name, of in core["resources"].items():
            writer.writerow((core["core"], core["chip"], core["x"], core["y"], name, units[name],
                             of["used"], of["limit"], of["utilization"], of["headroom"],
                             int(name == core["binding"]), held))
    return out.getvalue()


def plain(value: object) -> Any:
    """The value in JSON's own types; what JSON lacks becomes text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in sorted(value.items(), key=_key)}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.as_posix() if isinstance(value, PurePath) else str(value)


def _key(item: tuple[object, object]) -> str:
    return str(item[0])
