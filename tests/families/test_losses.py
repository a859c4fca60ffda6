"""Fidelity on every build: what quantization loses is measured, named with its cause, and refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron
from torch import nn

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import Diagnostic, FindingsError, NeurocompileError, Severity
from neurocompile.families.compilation import Compilation
from neurocompile.families.fidelity import measure, share_lost, sure_loss
from neurocompile.families.losses import Quantization, losses
from neurocompile.families.pipeline import compile_graph
from neurocompile.families.seeded import DENSITIES, active_inputs, seeded_inputs
from neurocompile.families.targets import load_target
from neurocompile.ir.graph import Graph
from neurocompile.ir.network import Bias, Network, Population
from neurocompile.options import Options
from neurocompile.passes.loihi.quantization.quantize import LoihiQuantizer
from neurocompile.passes.lowering.lower import lower
from tests.capture import nets
from tests.families import truenorth_models as models
from tests.loihi import compile_for_loihi, loihi_target


@pytest.fixture(scope="module")
def graph() -> Graph:
    torch.manual_seed(3)
    return capture(nets.lively(nets.MultiStep()), nets.image(6, 2, 8, 8))


@pytest.fixture(scope="module")
def compilation(graph: Graph) -> Compilation:
    return compile_graph(graph, load_target("loihi2"))


def test_shares_of_few_spikes_are_not_sure() -> None:
    assert [share_lost(d, f) for d, f in ((0, 0), (5, 10), (10, 5), (3, 0))] == [0, 0.5, 1, 1]
    assert sure_loss(1, 1) <= 0.2 < sure_loss(2, 2)
    assert sure_loss(3, 10) < 0.2 < sure_loss(300, 1000) < 0.3
    assert sure_loss(0, 100) == 0


def test_a_build_without_a_sample_is_measured(compilation: Compilation) -> None:
    fidelity = compilation.fidelity
    assert fidelity is not None
    assert (fidelity.source, fidelity.samples, fidelity.rates) == ("capture", 6, {})
    for one in fidelity.populations.values():
        assert one.float_spikes > 10
        assert one.local_agreement > 0.9
        assert one.float16_agreement == 1.0  # its weights are few bits
        assert one.count_distance < 0.1


def test_the_mapping_does_not_change_without_a_sample(graph: Graph) -> None:
    """It rests on the user's sample alone."""
    x = nets.image(6, 2, 8, 8).numpy()
    without, with_sample = (compile_for_loihi(graph, loihi_target("loihi2"), sample=sample)
                            for sample in (None, {"x": x}))
    assert with_sample.fidelity is not None
    assert with_sample.fidelity.rates
    every = sum(p.size for p in without.network.populations)
    assert without.mapping.routing.messages.sum() > with_sample.mapping.routing.messages.sum()
    assert every > 0


def test_local_agreement_counts_a_populations_own_rounding(compilation: Compilation) -> None:
    """A first population that is all wrong leaves the second's local agreement as it was."""
    network, floating = compilation.network, compilation.floating
    first = network.populations[0]
    wrong = replace(network, populations=(
        replace(first, bias=Bias(np.full(first.size, 4000), 7)), *network.populations[1:]))
    inputs, _ = active_inputs(floating)
    before, after = (measure(floating, n, inputs, "seeded").fidelity.populations
                     for n in (network, wrong))
    assert after["lif1"].local_agreement < 0.5 < before["lif1"].local_agreement
    assert after["lif2"].local == before["lif2"].local
    assert after["lif2"].differing > before["lif2"].differing


def findings(result: Compilation, network: Network, options: Options | None = None
             ) -> list[Diagnostic]:
    """What is note of another integer network."""
    options = options or Options(weight_bits=8)
    inputs, _ = active_inputs(result.floating)
    one = Quantization(result.floating, network, options, lambda other: LoihiQuantizer(
        other.bits, other.encoder).run(result.floating, loihi_target("loihi2"))[0])
    return list(losses(one, measure(result.floating, network, inputs, "seeded")))


def with_weights(network: Network, number: int, change: Any) -> Network:
    projections = list(network.projections)
    one = projections[number]
    projections[number] = replace(one, operator=one.operator.with_weights(
        change(one.operator.weights)))
    return replace(network, projections=tuple(projections))


def with_threshold(population: Population, factor: float) -> Population:
    neuron: Any = population.neuron
    return replace(population, neuron=replace(neuron, vth=int(factor * neuron.vth)))


def test_causes_are_told_apart(compilation: Compilation) -> None:
    network = compilation.network
    assert not [d for d in findings(compilation, network) if d.code == "NC701"]
    silent = with_weights(network, 0, lambda w: w * 0)
    coarse = with_weights(network, 0, lambda w: w * (np.arange(w.size).reshape(w.shape) % 3 > 0))
    slow = replace(network, populations=tuple(
        with_threshold(p, 2.0) if p.name == "lif2" else p for p in network.populations))
    offset = replace(network, populations=tuple(
        replace(p, bias=p.bias and Bias(p.bias.mantissa[::-1], p.bias.exponent)) if p.name == "lif2" else p
        for p in network.populations))
    causes = {}
    for name, other in (("silent", silent), ("coarse", coarse), ("slow", slow), ("bias", offset)):
        (finding,) = [d for d in findings(compilation, other) if d.code == "NC701"]
        assert finding.level == Severity.ERROR
        assert finding.values["module"] == "lif2"
        causes[name] = str(finding.values["cause"])
    assert causes["silent"] == "all weights of `lif1 -> lif2` are 0 on the grid"
    assert "weights" in causes["coarse"]
    assert causes["slow"].startswith("its threshold")
    assert causes["bias"] == "its bias or analog input"


def test_a_population_that_the_integers_silence_is_a_loss(compilation: Compilation) -> None:
    """On the user's sample NC312 stands beside it, not in its place."""
    silent = with_weights(compilation.network, 0, lambda w: w * 0)
    inputs, _ = active_inputs(compilation.floating)
    one = Quantization(compilation.floating, silent, Options(weight_bits=8),
                       lambda _: compilation.network)
    result = measure(compilation.floating, silent, inputs, "sample")
    codes = [d.code for d in losses(one, result)]
    assert sorted(codes) == ["NC312", "NC701"]


def test_a_fix_is_proposed_where_it_was_tried(graph: Graph) -> None:
    with pytest.raises(FindingsError) as error:
        compile_graph(graph, load_target("loihi2"), Options(weight_bits=2))
    finding = next(d for d in error.value.diagnostics if d.code == "NC701")
    assert finding.level == Severity.ERROR
    assert "--weight-bits 8: tried, " in finding.help
    assert "limit 20 %" in finding.message


def test_the_limit_is_an_option(graph: Graph) -> None:
    result = compile_graph(graph, load_target("loihi2"), Options(weight_bits=2, max_loss=100))
    assert {d.level for d in result.diagnostics if d.code == "NC701"} == {Severity.WARNING}
    with pytest.raises(FindingsError):
        compile_graph(graph, load_target("loihi2"), Options(max_loss=0.0, weight_bits=4))


def test_losses_of_truenorth_are_said_too() -> None:
    torch.manual_seed(1)
    graph = capture(models.Spiking(soft=False), models.frames(4))
    result = compile_graph(graph, load_target("truenorth"))
    assert result.fidelity is not None
    assert all(one.float_spikes for one in result.fidelity.populations.values())
    with pytest.raises(FindingsError) as error:
        compile_graph(graph, load_target("truenorth"), Options(weight_bits=1))
    assert "NC701" in {d.code for d in error.value.diagnostics}


# At 4 bits, where a step of the grid (32) is much; at 8 bits it is hardly more than rounding.
BUGS: dict[str, Any] = {
    "weight": lambda n: with_weights(n, 0, lambda w: np.clip(w + 32, -256, 224)),
    "projection": lambda n: replace(n, projections=n.projections[1:]),
    "threshold": lambda n: replace(n, populations=tuple(
        with_threshold(p, 0.5) for p in n.populations)),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_rounding_bug_of_the_quantizer_is_caught_on_an_ordinary_build(
        name: str, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = LoihiQuantizer.quantize

    def wrong(self: LoihiQuantizer, *arguments: Any) -> Any:
        integers = whole(self, *arguments)
        return replace(integers, network=BUGS[name](integers.network))
    monkeypatch.setattr(LoihiQuantizer, "quantize", wrong)
    with pytest.raises(NeurocompileError) as error:  # NC901: a register could overflow
        compile_graph(graph, load_target("loihi2"), Options(weight_bits=4))
    assert {"NC701", "NC901"} & {d.code for d in error.value.diagnostics}


def test_amplification_is_told_with_its_yardstick(compilation: Compilation) -> None:
    """A network that is good locally and bad end to end: a note if float16 does the like to it."""
    inputs, _ = active_inputs(compilation.floating)
    result = measure(compilation.floating, compilation.network, inputs, "seeded")
    one = Quantization(compilation.floating, compilation.network, Options(weight_bits=8),
                       lambda _: compilation.network)
    for float16, level in ((40, Severity.NOTE), (1, Severity.WARNING)):
        worst = replace(result.fidelity.populations["lif2"], float_spikes=200, differing=100,
                        local=2, float16=float16)
        other = replace(result, fidelity=replace(
            result.fidelity, populations={**result.fidelity.populations, "lif2": worst}))
        (note,) = losses(one, other)
        assert (note.code, note.level, note.values["module"]) == ("NC705", level, "lif2")
        assert "50.00% of spikes differ end to end" in note.message
        assert f"in float16 {float16 / 200:.2%} differ" in note.message


class Quiet(nn.Module):
    """Fires on dense inputs only."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.n = nn.Linear(8, 8), neuron.IFNode(v_threshold=1.0, step_mode="m")
        nn.init.constant_(self.fc.weight, 0.15)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.n(self.fc(x))


def test_seeded_inputs_make_the_network_active() -> None:
    graph = capture(Quiet(), torch.zeros(2, 4, 8))
    info = graph.info["inputs"][0]
    assert (info["low"], info["high"]) == (0.0, 0.0)
    network = lower(graph)[0]
    wide = replace(network, inputs=tuple(replace(i, levels=1) for i in network.inputs))
    inputs, run = active_inputs(wide)
    assert run.spikes["n"].any()
    counts = [int(x.sum()) for d in DENSITIES for x in seeded_inputs(wide, d).values()]
    assert len(set(counts)) == len(DENSITIES)
    again, _ = active_inputs(wide)
    assert all(np.array_equal(x, again[name]) for name, x in inputs.items())
    result = compile_graph(graph, load_target("loihi2"))
    assert result.fidelity is not None
    assert result.fidelity.source == "seeded"


def test_a_potential_that_saturates_is_told(compilation: Compilation) -> None:
    inputs, _ = active_inputs(compilation.floating)
    loose = replace(compilation.network, populations=tuple(
        replace(p, saturates=p.name == "lif2") for p in compilation.network.populations))
    result = measure(compilation.floating, loose, inputs, "seeded")
    result = replace(result, saturations={**result.saturations, "lif2": 7})
    one = Quantization(compilation.floating, loose, Options(weight_bits=8), lambda _: loose)
    note, = (d for d in losses(one, result) if d.code == "NC707")
    assert (note.values["module"], note.values["count"], note.level) == ("lif2", 7, Severity.NOTE)
