"""Plain data: schemas, contents against the mapping, determinism, CSV."""

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from neurocompile.report import data, words


def test_everything_is_json_and_stable(compiled, verified, found):
    def dump():
        return json.dumps([
            data.resources_json(compiled), data.fidelity_json(compiled, verified),
            data.mapping_json(compiled), data.trace_json(compiled),
            data.diagnostics_json(found, "loihi1")], allow_nan=False)
    assert dump() == dump()
    assert dump() == json.dumps(json.loads(dump()))  # only types that JSON has


def test_cores_add_up(compiled):
    made = data.resources_json(compiled)
    by_name = {p["name"]: p for p in made["populations"]}
    for name, population in by_name.items():
        held = [s for core in made["cores"] for s in core["slices"] if s["population"] == name]
        assert sum(s["stop"] - s["start"] for s in held) == (
            0 if population["on_host"] else population["neurons"])
        assert len({c["core"] for c in made["cores"]
                    if any(s["population"] == name for s in c["slices"])}) == population["cores"]
    for core in made["cores"]:
        for of in core["resources"].values():
            assert of["headroom"] == of["limit"] - of["used"] >= 0
        assert core["utilization"] == core["resources"][core["binding"]]["utilization"]
        assert core["utilization"] == max(r["utilization"] for r in core["resources"].values())
    totals = made["totals"]
    assert totals["cores"] == len(made["cores"]) >= totals["lower_bound"] > 1
    assert sum(totals["binds_on"].values()) == totals["cores"]
    assert totals["host_neurons"] == 128
    assert (totals["ticks"], totals["latency"]) == (4, 2)


def test_lower_bounds_are_proved(compiled):
    made = data.resources_json(compiled)
    totals = made["totals"]
    for name, cores in totals["lower_bounds"].items():
        limit = made["cores"][0]["resources"][name]["limit"]
        assert cores == -(-totals["least"][name] // limit)
        assert totals["least"][name] <= sum(c["resources"][name]["used"] for c in made["cores"])
    (proof,) = words.proof(made)
    assert proof == "needs at least 8 cores: synapse memory 87.2 KiB / 12.2 KiB"
    del totals["least"], totals["configurations"]  # an earlier version's build
    assert words.proof(made) == words.configurations(made) == []


def test_configuration_entries(compiled):
    made = data.resources_json(compiled)
    totals = made["totals"]["configurations"]
    assert {kind: one["limit"] for kind, one in totals.items()} == {
        "synapse_formats": 7, "threshold_configs": 16, "neuron_configs": 32}
    for kind, one in totals.items():
        assert one["used"] == max(c["configurations"][kind] for c in made["cores"]) == 1
    for one in totals.values():
        one["limit"] = 0
    (told,) = words.configurations(made)
    assert told.endswith("1 synapse formats, 1 threshold configs, 1 neuron configs; no limit is "
                         "published")


def test_populations(compiled, hostile):
    coder, conv, soft, head = data.resources_json(compiled)["populations"]
    assert (coder["on_host"], coder["cores"], coder["worst"]) == (True, 0, None)
    assert (conv["model"], soft["model"]) == ("LIF hard", "LIF soft")
    assert (conv["distinct_weights"], conv["rate"]) == (72, 0.140625)
    assert (head["depth"], head["synapses"], head["weight_bits"]) == (2, 3000, 8)
    assert soft["name"] == hostile
    assert soft["lower_bound"] == math.ceil(300 * 256 * 8 / 100_000)
    assert soft["worst"]["utilization"] > 0.5


def test_relays_are_named(compiled):
    network = compiled.network
    head = replace(network.population("head"), repeats="conv.lif")
    view = replace(compiled, network=replace(
        network, populations=(*network.populations[:3], head)))
    assert [p["model"] for p in data.resources_json(view)["populations"]] == [
        "LIF hard", "LIF hard", "LIF soft", "relay"]


def test_boxes_span_their_slices(compiled):
    for core in data.resources_json(compiled)["cores"]:
        for piece in core["slices"]:
            volume = math.prod(high - low for low, high in piece["box"])
            size = piece["stop"] - piece["start"]
            assert volume >= size
            assert piece["fills_box"] == (volume == size)


def test_load_adds_up_to_the_summary(compiled):
    made = data.resources_json(compiled)
    messages = made["traffic"]["messages"]
    sent = sum(core["messages_sent"] for core in made["cores"])
    received = sum(core["messages_received"] for core in made["cores"])
    assert math.isclose(sent, messages["between_cores"], abs_tol=1e-3)
    assert math.isclose(received, messages["between_cores"] + messages["off_chip"], abs_tol=1e-3)
    assert made["traffic"]["imbalance"]["received"] >= 1


def test_fidelity(compiled, verified, unmeasured):
    made = data.fidelity_json(compiled, verified)
    assert made["quantization"]["same_argmax"] == {"mean": 15}
    assert made["quantization"]["populations"][0]["agreement"] == 0.9
    assert made["verification"]["status"] == "verified"
    assert (made["verification"]["ticks"], made["verification"]["spikes"]) == (64, 500)
    none = data.fidelity_json(unmeasured, None)
    assert none["verification"]["summary"] == none["verification"]["status"] == "not verified"
    assert not none["quantization"]["measured"]


def test_readouts(compiled):
    made = data.resources_json(compiled)["readouts"]
    assert [(r["name"], r["on_chip"], r["read"]) for r in made] == [
        ("mean", False, 300), ("total", True, 10)]
    assert words.readouts({"readouts": made}) == [
        "`mean` is computed on the host from the spikes of 300 neurons",
        "`total` is added up on the chip in neurons that never fire, 10 values a sample"]


def test_sums_prove_what_never_fires(compiled, verified):
    one = type(verified.populations[0])
    summed = type(verified)(16, 4, (one("a", 3, 5, 0), one("b", 2, 0, 0, 32), one("c", 2, 0, 0)), "")
    assert words.unproved(data.fidelity_json(compiled, summed)) == (
        "nothing was proved for c: no spike")


def test_a_verification_without_spikes_proves_nothing(compiled, verified):
    silent = type(verified)(16, 4, verified.populations[1:], "verified on ...")
    assert data.fidelity_json(compiled, silent)["verification"]["status"] == "nothing proved"
    wrong = type(verified)(16, 4, (type(verified.populations[0])("a", 1, 5, 1),), "")
    assert data.fidelity_json(compiled, wrong)["verification"]["status"] == "differs"


def test_trace_has_times_only_on_demand(compiled):
    assert data.trace_json(compiled)["stages"] == [{"name": "check", "result": "0 findings"}]
    assert data.trace_json(compiled, seconds=True)["stages"][0]["seconds"] == 0.125
    assert data.trace_json(compiled)["options"] == {"max_cores": None, "weight_bits": 8}


def test_diagnostics(found):
    made = data.diagnostics_json(found, "loihi2")
    assert made["schema"] == "neurocompile/diagnostics/1"
    assert made["counts"] == {"error": 5, "warning": 1, "note": 0}
    items = made["diagnostics"]
    assert [d["severity"] for d in items] == ["error"] * 5 + ["warning"]
    assert items[-1]["values"] == {"bits": 8, "projection": "a -> b", "share": 0.0104}
    assert len({d["fingerprint"] for d in items}) == len(items)
    assert made == data.diagnostics_json(reversed(found), "loihi2")


def test_equal_findings_have_fingerprints_of_their_own(found):
    items = data.diagnostics_json([found[1], found[1]], "loihi2")["diagnostics"]
    assert items[0]["fingerprint"] != items[1]["fingerprint"]


def test_csv_round_trip(compiled, hostile):
    made = data.resources_json(compiled)
    rows = list(csv.DictReader(io.StringIO(data.resources_csv(made))))
    assert len(rows) == 4 * len(made["cores"])
    for row, (core, name) in zip(
            rows, ((c, n) for c in made["cores"] for n in c["resources"]), strict=True):
        of = core["resources"][name]
        assert (int(row["core"]), row["resource"]) == (core["core"], name)
        assert int(row["used"]) + int(row["headroom"]) == int(row["limit"]) == of["limit"]
        assert float(row["utilization"]) == of["utilization"]
        assert row["slices"][0].isdigit()
    assert "\x1b" not in data.resources_csv(made)


def test_plain():
    values = {"b": np.int64(3), "a": (1, float("nan")), "c": {2, 1}, "d": Path("x/y"),
              "e": np.zeros(2), "f": None, "g": np.bool_(True)}
    assert data.plain(values) == {"a": [1, "nan"], "b": 3, "c": [1, 2], "d": "x/y",
                                  "e": [0.0, 0.0], "f": None, "g": True}
