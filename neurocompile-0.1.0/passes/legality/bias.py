"""What needs a global tick. NC128: constant currents. NC136: leaks. NC137: analog input."""

from __future__ import annotations

import onnx_ir as ir

from neurocompile.ir.graph import currents, module_of, neuron_constants
from neurocompile.passes.legality.linear import magnitude
from neurocompile.passes.legality.spike_types import Analog, Current, Static, added, bias_of
from neurocompile.passes.legality.walk import Walk
from neurocompile.semantics.normal_form import NoNormalForm, normal_form

LAZY = "it leaks as well: a leak is made up for at the next event, which a constant current defeats"


def check_neuron(node: ir.Node, walk: Walk) -> None:
    """Report a neuron that needs a constant current where nothing marks the tick."""
    if not walk.asynchronous:
        return
    kind = added(walk.type_of(value) for value in currents(node))
    leaks = _leaks(node, walk)
    if leaks:
        walk.leaking.append(node)
    if isinstance(kind, Analog) or (isinstance(kind, Current) and kind.analog):
        walk.hosted.append(node)
    if isinstance(kind, Analog):
        return  # its constants are part of what the host sends
    value = bias_of(kind) + sum(magnitude(v) for v in currents(node)
                                if isinstance(walk.type_of(v), Static))
    if value:
        module = module_of(node)
        walk.report("NC128", node, {"module": module, "value": value}, key=(module,),
                    notes=(LAZY,) if leaks else ())


def check_timing(walk: Walk) -> None:
    """Note, once a network, what its neurons need instead of a tick."""
    for code, nodes in (("NC136", walk.leaking), ("NC137", walk.hosted)):
        modules = list(dict.fromkeys(map(module_of, nodes)))
        if modules:
            walk.report(code, nodes[0], {"module": modules[0], "count": len(modules)}, key=())


def _leaks(node: ir.Node, walk: Walk) -> bool:
    profile = walk.graph.profile(node)
    try:
        neuron = normal_form(profile, neuron_constants(node)).neuron
    except NoNormalForm:
        return profile.model != "IF"
    return neuron.decay != 1.0 or neuron.alpha is not None
