"""Two builds compared: totals, traffic, populations, findings, and what went into them.

All from the JSON files of both builds. Populations are matched by name, findings by code and
module, so that lines may move and targets may differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neurocompile.diagnostics import Diagnostic
from neurocompile.report.data import Data, diagnostics_json

TOTALS = ("cores", "chips", "neurons", "synapses", "ticks", "latency")
POPULATION = ("neurons", "synapses", "cores", "lower_bound", "weight_bits", "order", "depth",
              "rate", "binding", "on_host")  # what is compared of a population


@dataclass(frozen=True)
class BuildData:
    """What a build's files hold."""

    resources: Mapping[str, Any]
    fidelity: Mapping[str, Any]
    diagnostics: Mapping[str, Any]
    manifest: Mapping[str, Any]


def compare(old: BuildData, new: BuildData, limit: float | None = None) -> Data:
    """What differs between two builds. `limit`: percent from which growth is an error (NC023).

    `percent` is None where it has no meaning: from zero, or where nothing changed. Traffic is
    None where it was measured in one build only.
    """
    totals = list(_totals(old.resources, new.resources))
    traffic = list(_traffic(old.resources["traffic"], new.resources["traffic"]))
    grown = [] if limit is None else list(_grown([*totals, *traffic], limit))
    return {
        "schema": "neurocompile/diff/1",
        "builds": {"old": _build(old), "new": _build(new)},
        "given": _given(old, new),
        "totals": totals,
        "traffic": traffic if _comparable(old, new) else None,
        "results": list(_results(old.fidelity, new.fidelity)),
        "populations": _populations(old.resources, new.resources),
        "findings": _findings(old.diagnostics, new.diagnostics),
        "growth": diagnostics_json(grown, new.resources["target"]["name"])["diagnostics"],
    }


def _build(one: BuildData) -> Data:
    return {"model": one.manifest.get("model", ""), "target": one.resources["target"]["name"]}


def _given(old: BuildData, new: BuildData) -> list[Data]:
    """Model, target, its limits, options and versions that are not the same."""
    before, after = _all_given(old), _all_given(new)
    return [{"name": name, "old": before.get(name), "new": after.get(name)}
            for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]


def _all_given(one: BuildData) -> Data:
    manifest = one.manifest
    limits = {f"{table}.{key}": limit["value"] for table, rows in one.resources["limits"].items()
              for key, limit in rows.items()}
    return {
        "model": manifest.get("model"), "target": one.resources["target"]["name"],
        **{f"{item['role']} {item['name']}": item["sha256"][:12]
           for item in manifest.get("inputs", ())},
        **{f"option {name}": value for name, value in manifest.get("options", {}).items()},
        **limits, "neurocompile": manifest.get("tool", {}).get("version"),
        **manifest.get("versions", {}),
    }


def _totals(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Data]:
    for name in TOTALS:
        yield _change(name, old["totals"][name], new["totals"][name])
    yield _change("lower bound", old["totals"]["lower_bound"], new["totals"]["lower_bound"])


def _comparable(old: BuildData, new: BuildData) -> bool:
    return bool(old.resources["traffic"]["measured"] == new.resources["traffic"]["measured"])


def _traffic(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Data]:
    """Nothing where one is measured and the other is not."""
    if old["measured"] != new["measured"]:
        return
    for name in ("off_chip", "within_cores", "between_cores", "between_chips"):
        yield _change(f"messages {name.replace('_', ' ')}", old["messages"][name],
                      new["messages"][name])
    for name in ("total", "mean", "p95", "max"):
        yield _change(f"hops {name}", old["hops"][name], new["hops"][name])
    yield _change("busiest link", _busiest(old), _busiest(new))


def _busiest(traffic: Mapping[str, Any]) -> float:
    return float(max((load for _, load in traffic["links"]["busiest"]), default=0.0))


def _change(name: str, old: float, new: float) -> Data:
    percent = round(100 * (new - old) / old, 4) if old and new != old else None
    return {"name": name, "old": old, "new": new, "percent": percent}


def _grown(rows: list[Data], limit: float) -> Iterator[Diagnostic]:
    """NC023 for what grew by more percent than the limit; lower bounds and means only inform."""
    for row in rows:
        if row["name"] in ("lower bound", "hops mean", "hops p95", "hops max"):
            continue
        over = row["percent"] > limit if row["percent"] is not None else row["new"] > row["old"]
        if over:
            yield Diagnostic("NC023", values={"resource": row["name"], "old": row["old"],
                                              "new": row["new"], "limit": limit})


def _results(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Data]:
    """Accuracy and verification, where they are not the same."""
    for name, read in (("accuracy", _accuracy), ("verification", _status)):
        before, after = read(old), read(new)
        if before != after:
            yield {"name": name, "old": before, "new": after}


def _accuracy(fidelity: Mapping[str, Any]) -> str | None:
    found = fidelity.get("accuracy")
    return None if found is None else f"{found['right']} of {found['samples']}"


def _status(fidelity: Mapping[str, Any]) -> str:
    return str(fidelity["verification"]["status"])


def _populations(old: Mapping[str, Any], new: Mapping[str, Any]) -> Data:
    """Names that are new or gone, and what changed of the others; rates if both are measured."""
    before = {p["name"]: p for p in old["populations"]}
    after = {p["name"]: p for p in new["populations"]}
    changed = []
    for name in (n for n in after if n in before):
        values = {key: {"old": before[name][key], "new": after[name][key]} for key in POPULATION
                  if before[name][key] != after[name][key] and not (
                      key == "rate" and None in (before[name][key], after[name][key]))}
        if values:
            changed.append({"name": name, "values": values})
    return {"new": [_brief(p) for name, p in after.items() if name not in before],
            "gone": [_brief(p) for name, p in before.items() if name not in after],
            "changed": changed}


def _brief(population: Mapping[str, Any]) -> Data:
    return {key: population[key] for key in ("name", "neurons", "synapses", "cores")}


def _findings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Data:
    before, after = _keyed(old), _keyed(new)
    return {"new": [one for key, one in after.items() if key not in before],
            "gone": [one for key, one in before.items() if key not in after]}


def _keyed(diagnostics: Mapping[str, Any]) -> dict[tuple[str, str, int], Data]:
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for one in diagnostics["diagnostics"]:
        place = (one["code"], one["module"])
        found[*place, seen[place]] = one
        seen[place] += 1
    return found
