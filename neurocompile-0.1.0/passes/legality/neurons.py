"""What a neuron emits, and whether a chip's neuron can compute it. NC201: it cannot."""

from __future__ import annotations

import onnx_ir as ir

from neurocompile.ir.graph import module_of, neuron_constants
from neurocompile.passes.legality.spike_types import Opaque, Spike, SpikeType
from neurocompile.passes.legality.walk import Walk
from neurocompile.semantics.normal_form import NoNormalForm, normal_form

UNBOUNDED = 1 << 16  # spikes in a tick, where a neuron sets no limit


def emitted(node: ir.Node, walk: Walk) -> SpikeType:
    """The type of a neuron's output; NC201 where it fires, but as no chip's neuron does."""
    name, module, profile = node.outputs[0].name or "", module_of(node), walk.graph.profile(node)
    if profile.model == "LI":
        return Opaque(f"membrane potential of {module}", node)
    constants = neuron_constants(node)
    try:
        normal_form(profile, constants)
    except NoNormalForm as reason:
        walk.report("NC201", node, {"module": module, "profile": profile.name,
                                    "reason": str(reason)}, key=(module,))
    levels = 1 if profile.equations.binary else int(constants.get("max_spikes", UNBOUNDED))
    return Spike(frozenset({name}), levels)
