"""What needs a global tick. NC128: constant currents. NC136: leaks. NC137: analog input."""

from __future__ import annotations

from neurocompile.ir.neuron_node import NeuronNode
from neurocompile.passes.legality.linear import magnitude
from neurocompile.passes.legality.spike_types import Analog, Current, Static, bias_of, sum_of
from neurocompile.passes.legality.walk import TypeWalk
from neurocompile.semantics.normal_form import NoNormalForm, normal_form

LAZY = "it leaks as well: a leak is made up for at the next event, which a constant current defeats"


def check_neuron(neuron: NeuronNode, walk: TypeWalk) -> None:
    """Report a neuron that needs a constant current where nothing marks the tick."""
    if not walk.asynchronous:
        return
    kind = sum_of(walk.type_of(value) for value in neuron.currents)
    leaks = _leaks(neuron, walk)
    if leaks:
        walk.leaky_neurons.append(neuron)
    if isinstance(kind, Analog) or (isinstance(kind, Current) and kind.analog):
        walk.analog_neurons.append(neuron)
    if isinstance(kind, Analog):
        return  # its constants are part of what the host sends
    value = bias_of(kind) + sum(magnitude(v) for v in neuron.currents
                                if isinstance(walk.type_of(v), Static))
    if value:
        module = neuron.module
        walk.report("NC128", neuron.node, {"module": module, "value": value}, key=(module,),
                    notes=(LAZY,) if leaks else ())


def check_timing(walk: TypeWalk) -> None:
    """Note, once a network, what its neurons need instead of a tick."""
    for code, neurons in (("NC136", walk.leaky_neurons), ("NC137", walk.analog_neurons)):
        modules = list(dict.fromkeys(neuron.module for neuron in neurons))
        if modules:
            walk.report(code, neurons[0].node, {"module": modules[0], "count": len(modules)},
                        key=())


def _leaks(neuron: NeuronNode, walk: TypeWalk) -> bool:
    profile = walk.graph.profile(neuron)
    try:
        normal = normal_form(profile, neuron.constants).neuron
    except NoNormalForm:
        return profile.model != "IF"
    return normal.decay != 1.0 or normal.alpha is not None
