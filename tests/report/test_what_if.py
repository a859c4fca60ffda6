"""What a change would save: the same network partitioned under another assumption."""

from dataclasses import replace

import numpy as np

from neurocompile.families.targets import load_target
from neurocompile.ir.network import Input, InputKind, Network, Population, Projection
from neurocompile.ir.operators import Conv, Dense
from neurocompile.passes.loihi.mapping.partition import partition
from neurocompile.passes.loihi.resources import count
from neurocompile.report import data, terminal, what_if, words


def test_fewer_bits_and_no_limit_take_fewer_cores(compiled):
    found = what_if.what_if(compiled)
    cores = {(one["change"], one["value"]): one["cores"] for one in found["changes"]}
    now = len(partition(compiled.network, compiled.target, weight_bits=8).cores)
    assert set(cores) == {("weight_bits", 4), ("weight_bits", 6),
                          ("no_limit", "synapse_memory")}
    assert now > cores["weight_bits", 6] > cores["weight_bits", 4]
    assert cores["weight_bits", 6] == len(
        partition(compiled.network, compiled.target, weight_bits=6).cores)
    assert cores["no_limit", "synapse_memory"] < cores["weight_bits", 4]
    assert f"6-bit weights: 8 -> {cores['weight_bits', 6]} cores" in words.what_if(
        data.resources_json(compiled))


def test_a_network_that_would_not_fit(compiled):
    """On a system with as many cores as it takes at 6 bits."""
    target = compiled.target
    enough = len(partition(compiled.network, target, weight_bits=6).cores)
    chip = replace(target.chip, chips=replace(target.chip.chips, value=1),
                   cores=replace(target.chip.cores, value=enough))
    four = replace(compiled, options=replace(compiled.options, weight_bits=4),
                   target=replace(target, chip=chip))
    cores = {one["value"]: one["cores"] for one in what_if.what_if(four)["changes"]}
    assert cores[6] == enough
    assert cores[8] is None
    assert "8-bit weights: would not fit" in words.what_if(data.resources_json(four))


def test_large_mappings_are_not_counted_again(compiled, monkeypatch):
    monkeypatch.setattr(what_if, "MAX_CORES", len(compiled.usage.cores) - 1)
    resources = data.resources_json(compiled)
    assert resources["what_if"] == {"skipped": True, "most": 7, "changes": []}
    told = terminal.render(resources, data.fidelity_json(compiled))
    assert "not counted again beyond 7 cores" in told


def test_a_build_without_it_is_shown(compiled):
    old = {key: value for key, value in data.resources_json(compiled).items()
           if key not in ("what_if", "estimates")}
    told = terminal.render(old, data.fidelity_json(compiled))
    assert "what if" not in told
    assert "estimate" not in told


def test_shared_lists(compiled):
    """A convolution whose dense lists take several cores."""
    conv = Conv((16, 16, 16), (32, 16, 16), np.full((32, 16, 3, 3), 2, np.int32), padding=(1, 1))
    neuron = compiled.network.population("head").neuron
    network = Network((Input("x", (16, 16, 16), InputKind.SPIKES),),
                      (Population("a", (32, 16, 16), neuron),), (Projection("x", "a", conv),), (), 4)
    target = load_target("loihi1")
    usage = count(network, partition(network, target, weight_bits=8), target, 8)
    view = replace(compiled, network=network, target=target, usage=usage)
    found = {(c["change"], c["value"]): c["cores"] for c in what_if.what_if(view)["changes"]}
    assert found["encoding", "shared"] == 8 < len(usage.cores) == 10
    assert ("encoding", "auto") not in found  # takes the same lists
    told = words.what_if({"totals": {"cores": 10}, "what_if": what_if.what_if(view)})
    assert "shared convolution lists (--encoding shared): 10 -> 8 cores" in told


def test_sparse_lists(compiled, monkeypatch):
    """A dense layer of which one weight in eight is left."""
    weight = np.where(np.arange(500 * 2000).reshape(500, 2000) % 8, 0, 2).astype(np.int32)
    neuron = compiled.network.population("head").neuron
    network = Network((Input("x", (2000,), InputKind.SPIKES),), (Population("a", (500,), neuron),),
                      (Projection("x", "a", Dense((2000,), (500,), weight)),), (), 4)
    target = load_target("loihi1")
    usage = count(network, partition(network, target, weight_bits=8), target, 8)
    view = replace(compiled, network=network, target=target, usage=usage)
    found = {(c["change"], c["value"]): c["cores"] for c in what_if.what_if(view)["changes"]}
    assert 1 < found["encoding", "auto"] < len(usage.cores) / 2
    assert ("encoding", "shared") not in found
    monkeypatch.setattr(what_if, "MOST_LISTED", 500 * 2000 - 1)
    assert "encoding" not in {c["change"] for c in what_if.what_if(view)["changes"]}
