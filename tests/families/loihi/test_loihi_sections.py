"""How cores store synapses, and how sums that several populations receive are built."""

from __future__ import annotations

from dataclasses import replace

from neurocompile.builds.builder import BuildResult
from neurocompile.families.loihi import shared_sums, storage
from neurocompile.families.loihi.compilation import LoihiCompilation
from neurocompile.passes.loihi.streams.adders import Choice
from neurocompile.passes.loihi.streams.price import Price

ONE, OTHER = Price(1000, 9000, 70, 500, 2, 9), Price(600, 5400, 50, 560, 1, 12)


def compilation_of(build: BuildResult) -> LoihiCompilation:
    assert isinstance(build.compilation, LoihiCompilation)
    return build.compilation


def test_configuration_entries(loihi_build: BuildResult) -> None:
    data = storage.storage(compilation_of(loihi_build))
    assert {kind: one.limit for kind, one in data.configurations.items()} == {
        "synapse_formats": 7, "threshold_configs": 16, "neuron_configs": 32}
    for one in data.configurations.values():
        assert len(one.by_core) == loihi_build.compilation.n_cores
        assert one.most == max(one.by_core) == one.by_core[one.core or 0] >= 1
    lists, entries = storage.show(data, loihi_build.report).lines
    assert lists.text == "8-bit weights in dense lists"
    assert entries.text.startswith("configuration entries, at most on a core: ")
    assert f"{data.configurations['neuron_configs'].most} of 32 neuron configs" in entries.text
    free = {kind: replace(one, limit=0) for kind, one in data.configurations.items()}
    entries = storage.show(replace(data, configurations=free), loihi_build.report).lines[1]
    assert entries.text.endswith(f"{free['neuron_configs'].most} neuron configs; no limit is "
                                 "published")


def test_lists_of_several_forms(loihi_build: BuildResult) -> None:
    data = replace(storage.storage(compilation_of(loihi_build)), weight_bits=6, bits={"a": 6}, encodings={
        "a": ("dense",), "host": (), "b": ("dense", "sparse"),
        **{f"p{k}": ("shared",) for k in range(8)}})
    assert storage.show(data, loihi_build.report).lines[0].text == (
        "6-bit weights in dense lists of a; dense and sparse lists of b; "
        "shared lists of p0, p1, p2, p3, p4, p5 and 2 more")
    several = replace(data, bits={"a": 6, "b": 3})
    assert storage.show(several, loihi_build.report).lines[0].text.startswith("3 to 6-bit weights")


def test_both_prices_of_a_stream_and_the_reason_are_said(loihi_build: BuildResult) -> None:
    compilation = compilation_of(loihi_build)
    choice = Choice("adder", "it takes less synapse memory", ("sum",),
                    {"duplicate": ONE, "adder": OTHER}, compilation.network.populations[0])
    data = shared_sums.streams(replace(compilation, streams=choice))
    assert data is not None
    assert data.prices["adder"].latency == 12
    first, duplicate, adder = (
        line.text for line in shared_sums.show(data, loihi_build.report).lines)
    assert first == "sums of branches by 1 adder: it takes less synapse memory"
    assert duplicate.startswith("duplicate: 1,000 synapses in 1.1 KiB, 70 input axons, 500 neurons")
    assert adder.endswith("about 1 core, latency 12 ticks")


def test_a_network_without_streams_has_no_section(loihi_build: BuildResult) -> None:
    assert shared_sums.streams(compilation_of(loihi_build)) is None
    assert set(loihi_build.report.resources.sections) == {"time", "storage", "what_if", "estimates"}
