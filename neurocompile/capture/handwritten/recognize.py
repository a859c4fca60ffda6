"""Hand-written neurons of an exported program become neuron ops, bit for bit.

Every chain of thresholds that is a neuron is replaced by `torch.ops.neurocompile.neuron`, one call
a tick with the states carried; dead code is removed. A recurrence that nearly is a neuron is
refused with the place and what differs; comparisons that are no recurrence and no neuron stay.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from neurocompile.capture.frames import module_path, place
from neurocompile.capture.handwritten.chains import Chain, chains
from neurocompile.capture.handwritten.fx_values import ProgramValues, dtype, op_name, shape, single
from neurocompile.capture.handwritten.matching import Stale, Unreadable
from neurocompile.capture.handwritten.recurrence import Differs, Recurrence, Tick, recurrence
from neurocompile.capture.handwritten.thresholds import Thresholds
from neurocompile.capture.handwritten.zeros import fold_zeros
from neurocompile.capture.neuron_op import NEURON, NeuronCall, neuron_call
from neurocompile.diagnostics import Diagnostic, FindingsError, Location, UsageError, contrast
from neurocompile.ir.neuron_node import Inputs

_ATEN = torch.ops.aten


def recognize(program: ExportedProgram) -> set[str]:
    """Replace the hand-written neurons of a program in place; the paths of their modules.

    Raises UsageError (NC111) for a recurrence that is no neuron, FindingsError (NC112) for one
    whose ticks differ.
    """
    fold_zeros(program)
    values = ProgramValues(program)
    thresholds = Thresholds(values)
    candidates = chains(values, thresholds, thresholds.all)
    n_ticks = _n_ticks(program, candidates)
    neurons = [(chain, neuron) for chain in candidates
             if chain.linked or not n_ticks or len(chain.ticks) in n_ticks
             if (neuron := _read(values, thresholds, chain)) is not None]
    _refuse_soft_spikes(values, thresholds, {module_path(c.ticks[0].node) for c in candidates})
    if not neurons:
        return set()
    module = program.graph_module
    with module._set_replace_hook(program.graph_signature.get_replace_hook()):
        for node in list(module.graph.nodes):
            if node.target is _ATEN._assert_tensor_metadata.default:
                module.graph.erase_node(node)  # torch.export's own check of a cast
        rewriter = _Rewriter(module)
        for chain, neuron in neurons:
            rewriter.replace(chain, neuron)
        module.graph.eliminate_dead_code()
    module.graph.lint()
    module.recompile()
    return {module_path(chain.ticks[0].node) for chain, _ in neurons}


def _n_ticks(program: ExportedProgram, candidates: Sequence[Chain]) -> set[int]:
    """How many ticks the neurons with states run, those of frameworks included.

    A comparison that is made another number of times, such as of the model's input, is no neuron.
    """
    counts: Counter[str] = Counter()
    for node in program.graph.nodes:
        if node.target is NEURON:
            call = NeuronCall(*node.args)
            counts[call.module] += shape(call.x_seq)[0]
    return {*counts.values(), *(len(chain.ticks) for chain in candidates if chain.linked)}


def _read(values: ProgramValues, thresholds: Thresholds, chain: Chain) -> Recurrence | None:
    try:
        return recurrence(values, thresholds, chain.ticks, chain.linked)
    except Unreadable as error:
        if not chain.linked:
            return None
        where = place(error.node)
        if isinstance(error, Stale):
            raise UsageError(Diagnostic("NC107", Location(chain.name), {
                "module": chain.name, "expected": "one number for all neurons",
                "found": error.reason})) from None
        raise no_neuron(chain.name, where, error.reason) from None
    except Differs as error:
        here, there = place(error.node), place(error.counterpart)
        what = contrast(op_name(error.node), here, op_name(error.counterpart), there)
        raise FindingsError(Diagnostic("NC112", replace(here, module=chain.name), {
            "tick": error.tick, "module": chain.name, "other": error.other,
            "what": what})) from None


def _refuse_soft_spikes(values: ProgramValues, thresholds: Thresholds, modules: set[str]) -> None:
    """NC111 for recurrences without a threshold in modules that have none at all."""
    for chain in chains(values, thresholds, thresholds.soft):
        node = chain.ticks[0].node
        if chain.linked and module_path(node) not in modules:
            raise no_neuron(chain.name, place(node),
                            f"its spike is a {op_name(node)}, no threshold")


def no_neuron(name: str, where: Location, reason: str) -> UsageError:
    """NC111 for a recurrence that is no neuron."""
    return UsageError(Diagnostic("NC111", replace(where, module=name), {
        "module": name, "cls": "hand-written neuron", "reason": reason},
        hint="write its operations as a leak, an input, a threshold and a reset; or declare its "
             "equations with @neurocompile.neuron"))


class _Rewriter:
    """Puts neuron ops into the graph of a program."""

    def __init__(self, module: GraphModule) -> None:
        self.graph = module.graph
        self.now: dict[Node, Node] = {}  # what stands for a node that an op computes
        self.results: dict[str, Any] = {}  # of operators, by what they are called with

    def replace(self, chain: Chain, neuron: Recurrence) -> None:
        """One op a tick instead of the operations that compute it."""
        constants = [single(neuron.constants[name]) for name in neuron.profile.constants]
        states: Mapping[str, Node | float] = neuron.start
        for tick in neuron.ticks:
            self.meta = {k: m for k, m in tick.threshold.node.meta.items()
                         if k in ("nn_module_stack", "stack_trace")}
            self.anchor = self.like = tick.v
            call = neuron_call(self._inputs(tick, states), neuron.profile, constants, chain.name)
            states = self._tick(tick, call)

    def _inputs(self, tick: Tick, states: Mapping[str, Node | float]) -> Inputs[Node]:
        current, *more = (self._sequence(self.now.get(node, node), shape(tick.v))
                          for node in tick.inputs)
        initial = {name: state if isinstance(state, Node) else self._call(
            _ATEN.full.default, ([], state), dtype=torch.float32, layout=torch.strided,
            device=torch.device("cpu"), pin_memory=False) for name, state in states.items()}
        return Inputs(current, initial, more[0] if more else None)

    def _tick(self, tick: Tick, call: NeuronCall) -> Mapping[str, Node]:
        """The op of one tick; the states after it."""
        result = self._call(NEURON, tuple(call))
        outputs = call.outputs([self._call(operator.getitem, (result, k))
                                for k in range(len(result.meta["val"]))])
        self._use(tick, self._call(_ATEN.squeeze.dims, (outputs.spikes, [0])), outputs.final)
        return outputs.final

    def _sequence(self, node: Node, sizes: tuple[int, ...]) -> Node:
        if shape(node) != sizes:
            node = self._call(_ATEN.expand.default, (node, list(sizes)))
        return self._call(_ATEN.unsqueeze.default, (node, 0))

    def _use(self, tick: Tick, spikes: Node, final: Mapping[str, Node]) -> None:
        """Let the rest of the program use what the op computes."""
        for node in tick.threshold.forms:
            mine = spikes
            if dtype(node) is not torch.float32:
                mine = self._call(_ATEN._to_copy.default, (spikes,), dtype=dtype(node))
            self.now[node] = mine
            node.replace_all_uses_with(mine)
        for name, node in tick.states.items():
            state = final[name]
            if node not in tick.inputs:
                self.now[node] = state
                for user in [user for user in node.users if state < user]:
                    user.replace_input_with(node, state)

    def _call(self, target: Callable[..., Any], args: tuple[Any, ...], **kwargs: Any) -> Node:
        with self.graph.inserting_after(self.anchor):
            node = self.graph.call_function(target, args, kwargs)
        node.meta.update(self.meta)
        node.meta["val"] = self._result(target, args, kwargs)
        self.anchor = node
        return node

    def _result(self, target: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
        """What an operator gives for the fake tensors of a program."""
        fakes = torch.fx.map_arg((args, kwargs), lambda n: n.meta["val"])
        key = repr((target, torch.fx.map_arg((args, kwargs), lambda n: _form(n.meta["val"]))))
        if key not in self.results:
            with self.like.meta["val"].fake_mode:
                self.results[key] = target(*fakes[0], **fakes[1])
        return self.results[key]


def _form(value: Any) -> Any:
    """What the result of an operator depends on of a fake tensor, or of several."""
    if isinstance(value, torch.Tensor):
        return value.shape, value.stride(), value.dtype
    return tuple(map(_form, value)) if isinstance(value, list | tuple) else value
