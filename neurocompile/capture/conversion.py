"""A program in core operators as an ONNX model: torch's exporter, spared what changes nothing.

The exporter traces the program once more to decompose operators, and tries each of its rewrites on
each node. A program without an operator to decompose is only numbered anew, as that tracing would;
a rewrite is tried on nodes of its operator. Neither changes the model.
"""

from __future__ import annotations

import copy
import gc
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import onnx_ir as ir
import torch
from onnxscript import rewriter
from onnxscript.rewriter import MatchResult, RewriteRule
from onnxscript.rewriter._matcher import PatternMatcher
from torch.export import ExportedProgram, ExportGraphSignature
from torch.export.graph_signature import InputSpec, OutputSpec, TensorArgument
from torch.fx import Graph, GraphModule, Node
from torch.onnx import ONNXProgram

from neurocompile.capture.neuron_op import schemas
from neurocompile.capture.quiet import quiet
from neurocompile.capture.translations import TRANSLATIONS
from neurocompile.semantics.floating import Profile

_RULES = "_DEFAULT_REWRITE_RULES"  # where the exporter keeps its rewrites


def to_onnx(program: ExportedProgram, profiles: Iterable[Profile],
            before_rewrites: Callable[[ir.Model], None]) -> ONNXProgram | None:
    """The model of a program in core operators. Raises torch.onnx.OnnxExporterError."""
    with quiet(), schemas(profiles), _rewrites_by_operator():
        onnx_program = torch.onnx.export(
            _CoreProgram.of(program), (), dynamo=True, optimize=False, verbose=False,
            custom_translation_table=dict(TRANSLATIONS))
        if onnx_program is not None:
            before_rewrites(onnx_program.model)
            onnx_program.optimize()
        return onnx_program


@contextmanager
def collection_deferred() -> Iterator[None]:
    """While it lasts, cyclic garbage waits: tracing makes many objects, of which nearly all stay."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class _CoreProgram(ExportedProgram):
    """A program that is traced again only if that decomposes something."""

    @classmethod
    def of(cls, program: ExportedProgram) -> _CoreProgram:
        """The same program."""
        return cls(
            root=program.graph_module, graph=program.graph,
            graph_signature=program.graph_signature, state_dict=program.state_dict,
            range_constraints=program.range_constraints,
            module_call_graph=program.module_call_graph, example_inputs=program.example_inputs,
            constants=program.constants)

    def run_decompositions(self, decomp_table: Mapping[Any, Callable[..., Any]] | None = None,
                           **options: Any) -> ExportedProgram:
        """The program without the operators of a table."""
        table = dict(decomp_table or torch.export.default_decompositions())
        if all(_is_core(node, table) for node in self.graph.nodes):
            return _with_new_names(self)
        program: ExportedProgram = super().run_decompositions(table, **options)
        return program


def _is_core(node: Node, table: Mapping[Any, Any]) -> bool:
    """Whether tracing a node again gives it again."""
    if node.op != "call_function" or node.target is operator.getitem:
        return True
    return isinstance(node.target, torch._ops.OpOverload) and (
        node.target not in table or _drops_one_axis(node))


def _drops_one_axis(node: Node) -> bool:
    """Whether a node drops one axis of size 1, which decomposes into one operator of `prims`."""
    args: tuple[Any, ...] = node.args
    if node.target is not torch.ops.aten.squeeze.dims or len(args[1]) != 1:
        return False
    return bool(args[0].meta["val"].shape[args[1][0]] == 1)


def _with_new_names(program: ExportedProgram) -> ExportedProgram:
    """The program with its nodes named by operator and order, as tracing names them."""
    graph, twins, items = Graph(), dict[Node, Node](), dict[Node, int]()
    n_items = 0
    for node in program.graph.nodes:
        args, kwargs = torch.fx.map_arg((node.args, node.kwargs), twins.__getitem__)
        target, name = node.target, node.name
        if _drops_one_axis(node):
            target = torch.ops.prims.squeeze.default
            args = (args[0], [args[1][0] % node.args[0].meta["val"].dim()])
        if target is operator.getitem:
            name = f"getitem_{items[node.args[0]] + node.args[1]}".removesuffix("_0")
        elif node.op == "call_function":
            name = graph._target_to_str(target.overloadpacket.__name__)
        twins[node] = graph.create_node(node.op, target, args, kwargs, name, node.type)
        twins[node].meta = copy.copy(node.meta)
        if isinstance(node.meta.get("val"), list | tuple):  # every part has a number, used or not
            items[node] = n_items
            n_items += len(node.meta["val"])
    return ExportedProgram(
        root=GraphModule(program.graph_module, graph), graph=graph,
        graph_signature=_signature(
            program.graph_signature, {node.name: twin.name for node, twin in twins.items()}),
        state_dict=program.state_dict, range_constraints=program.range_constraints,
        module_call_graph=program.module_call_graph, example_inputs=program.example_inputs,
        constants=program.constants)


def _signature(signature: ExportGraphSignature, names: Mapping[str, str]) -> ExportGraphSignature:
    """A signature with other names of nodes."""
    twin = copy.deepcopy(signature)
    specs: tuple[InputSpec | OutputSpec, ...] = (*twin.input_specs, *twin.output_specs)
    for spec in specs:
        if isinstance(spec.arg, TensorArgument):
            spec.arg.name = names.get(spec.arg.name, spec.arg.name)
    return twin


class _ByOperator(PatternMatcher):
    """A matcher that is asked only about nodes of the operator that its pattern ends in."""

    def __init__(self, matcher: PatternMatcher, domain: str, op_type: str) -> None:
        super().__init__(matcher.pattern)
        self.matcher, self.ends_in = matcher, (domain, op_type)
        self.refusal = MatchResult().fail("another operator")

    def match(self, model: ir.Model, graph_or_function: ir.Graph | ir.Function, node: ir.Node,
              **options: Any) -> MatchResult:
        """The match of the nodes that end in one, or none."""
        if (node.domain, node.op_type) != self.ends_in:
            return self.refusal
        return self.matcher.match(model, graph_or_function, node, **options)


@contextmanager
def _rewrites_by_operator() -> Iterator[None]:
    """While it lasts, the exporter's rewrites look at nodes of their operator only.

    By itself it builds a match for each rule at each node, for some out of a list of all nodes.
    """
    with patch.object(rewriter, _RULES, tuple(map(_by_operator, getattr(rewriter, _RULES)))):
        yield


def _by_operator(rule: RewriteRule) -> RewriteRule:
    matcher = rule._matcher
    operator = matcher.pattern.output_nodes[0].op_identifier()
    if operator is None:
        return rule
    twin = copy.copy(rule)
    twin._matcher = _ByOperator(matcher, *operator[:2])
    return twin
