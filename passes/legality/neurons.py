"""What a neuron emits, and whether a chip's neuron can compute it. NC201: it cannot."""

from __future__ import annotations

from neurocompile.ir.graph import neuron_class
from neurocompile.ir.neuron_node import NeuronNode
from neurocompile.passes.legality.spike_types import Opaque, Spike, SpikeType
from neurocompile.passes.legality.walk import TypeWalk
from neurocompile.semantics.floating import POTENTIAL, STATE_WORDS
from neurocompile.semantics.normal_form import NoNormalForm, normal_form

MANY_SPIKES = 1 << 16  # spikes in a tick, where a neuron sets no limit


def emission(neuron: NeuronNode, walk: TypeWalk) -> SpikeType:
    """The type of a neuron's output; NC201 where it fires, but as no chip's neuron does."""
    module, profile, constants = neuron.module, walk.graph.profile(neuron), neuron.constants
    if profile.model == "LI":
        return Opaque(f"{STATE_WORDS[POTENTIAL]} of {module}", neuron.node)
    try:
        normal_form(profile, constants)
    except NoNormalForm as reason:
        values: dict[str, object] = {
            "module": module, "cls": neuron_class(neuron) or profile.name,
            "profile": profile.name, "reason": str(reason)}
        walk.report("NC201", neuron.node, values, key=(module,))
    levels = 1 if profile.equations.binary else int(constants.get("max_spikes", MANY_SPIKES))
    return Spike(frozenset({neuron.train}), levels)
