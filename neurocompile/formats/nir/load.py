"""From a .nir file to a Graph: read, understood, built as a torch module, captured like any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx_ir as ir
import torch

from neurocompile.capture.torch_model import capture
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.nir import nodes as n
from neurocompile.formats.nir import producers
from neurocompile.formats.nir.file import load_nir
from neurocompile.formats.nir.graph import FlatGraph, flat, node_types, of_vectors, on_cycles
from neurocompile.formats.nir.model import NirModel
from neurocompile.formats.nir.options import NirOptions, complete
from neurocompile.formats.nir.ours import InputForm, Ours, decode
from neurocompile.formats.reading import EXAMPLES, examples_of, source
from neurocompile.formats.regular import corrupt
from neurocompile.formats.request import Capture, Request
from neurocompile.formats.samples import Sample
from neurocompile.input_sizes import InputSizes
from neurocompile.options import INPUT

SPIKE_RATE = 0.3  # of the example where there is no sample


@dataclass(frozen=True, eq=False)
class NirNetwork:
    """A .nir file as a model, and how it wants its inputs: in the order of their names."""

    model: NirModel
    inputs: dict[str, n.Shape]  # of one sample and tick
    static: bool  # [batch, *shape]; else [ticks, batch, *shape]
    ours: Ours | None


def read_network(path: Path, options: NirOptions, n_ticks: int | None = None
                 ) -> NirNetwork:
    """The model in a file. `n_ticks`: its input is held for so many ticks.

    Raises UsageError for a file that cannot be read (see `load_nir`, `flat`) and for options that
    are missing (NC116) or do not fit, FindingsError (NC504) for a cycle without a delay.
    """
    file = load_nir(path)
    root, ours = file.graph, None
    if file.ours is None:
        options = complete(options, str(path), node_types(root))
        root = of_vectors(root) if options.producer == "rockpool" else root
    graph = flat(root, str(path))
    if file.ours is not None:
        ours = _translate(path, lambda: decode(str(file.ours)))
    meanings, delays, cycles = {}, {}, on_cycles(graph)
    for name, node in graph.nodes.items():
        if isinstance(node, n.Neuron | n.Integrator):
            meanings[name] = producers.meaning(node, name, options, name in cycles) if (
                ours is None) else (
                _translate(path, lambda: _of_ours(ours, node, name)))  # noqa: B023 - called now
        elif isinstance(node, n.Delay):
            delays[name] = producers.ticks_of(node, name, options) if ours is None else (
                _translate(path, lambda: ours.ticks_of(node)))  # noqa: B023 - called now
    static = n_ticks is not None
    if ours is not None and (_static(path, ours, graph) and not static):
        static, n_ticks = True, ours.n_ticks
    inputs = {name: graph.shapes[name] for name in graph.names_of(n.Input)}
    model = NirModel(graph, meanings, delays, n_ticks, None if ours is None else ours.outputs)
    return NirNetwork(model, inputs, static, ours)


def _translate(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except ValueError as error:
        raise UsageError(corrupt(path, "a NIR file of ours", str(error))) from None


def _of_ours(ours: Ours, node: n.Node, name: str) -> producers.Meaning:
    if name not in ours.neurons:
        raise ValueError(f"the text of its export does not know `{name}`")
    return ours.meaning(node, name)


def _static(path: Path, ours: Ours, graph: FlatGraph) -> bool:
    kinds = {ours.inputs[name].kind if name in ours.inputs else "" for name in
             graph.names_of(n.Input)}
    outputs = set(graph.names_of(n.Output))
    if "" in kinds or (len(kinds) > 1 and "static" in kinds) or outputs != set(ours.outputs):
        raise UsageError(corrupt(path, "a NIR file of ours",
                                 "its inputs or outputs and the text of its export differ"))
    return kinds == {"static"}


def load(request: Request, sample: Sample | None, options: NirOptions) -> Capture:
    """The Graph of a .nir file, captured on the sample's first inputs, or on seeded noise.

    Raises what `read_network` and `capture` raise; UsageError (NC007) where nothing says how many
    ticks a sample has, NC008 for a sample of another shape.
    """
    path = Path(request.spec)
    network = read_network(path, options, request.n_ticks)
    example = (_noise(network, path, request) if sample is None
               else _of_sample(network, sample))
    prove = request.proves(sum(p.numel() for p in network.model.parameters()))
    graph = capture(network.model, example, None, prove)
    ends = graph.model.graph
    _call(ends, [*zip(ends.inputs, network.inputs, strict=True),
                 *zip(ends.outputs, network.model.outputs, strict=True)])
    return Capture(graph, path.name, (source("graph", path),), examples_of(sample))


def _call(graph: ir.Graph, pairs: list[tuple[ir.Value, str]]) -> None:
    """Name inputs and outputs as the file does, where no other value is called so."""
    names = {str(value.name) for node in graph for value in node.outputs}
    names |= {*graph.initializers, *(str(value.name) for value in graph.inputs)}
    for value, name in pairs:
        if name not in names and name.isprintable():
            names.add(name)
            value.name = name


def _of_sample(network: NirNetwork, sample: Sample) -> list[torch.Tensor]:
    by_name = sample.first(EXAMPLES).arrays
    arrays = []
    for name, shape in network.inputs.items():
        key = "x" if len(network.inputs) == 1 and "x" in by_name else name
        form = ("samples", *(() if network.static else ("ticks",)), *shape)
        array = by_name.get(key)
        if array is None or array.shape[1:] != (
                shape if network.static else (*array.shape[1:2], *shape)):
            actual = "not there" if array is None else array.shape
            raise UsageError(Diagnostic("NC008", values={
                "file": str(sample.file), "reason": f"`{key}` is {actual}, the model takes "
                f"({', '.join(map(str, form))})"}))
        tensor = torch.from_numpy(array.copy())
        arrays.append(tensor if network.static else tensor.movedim(1, 0).contiguous())
    return arrays


def _ticks(network: NirNetwork, form: InputSizes) -> int | None:
    """The ticks that a form has in front of an input of the file; None where it has none.

    Raises UsageError (NC009) for a form that no input of the file has.
    """
    ticks, *sizes = form.sizes
    shapes = list(network.inputs.values())
    if tuple(sizes) in shapes:
        return ticks
    if form.sizes in shapes:
        return None
    forms = " and ".join(str(InputSizes((30, *shape), 1)) for shape in shapes)
    raise UsageError(Diagnostic("NC009", values={
        "option": INPUT.flag, "value": f"`{form}`",
        "reason": f"the file's inputs are {forms} for 30 ticks"}))


def _noise(network: NirNetwork, path: Path, request: Request) -> list[torch.Tensor]:
    ticks = None if request.input is None else _ticks(network, request.input)
    if ticks is None and network.ours is not None:
        ticks = network.ours.n_ticks
    if ticks is None and not network.static:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"the number of ticks of a sample for `{path}`",
            "reason": "NIR does not hold it, and there is no sample"},
            hint="pass --sample x.npz with x of shape (samples, ticks, *input shape), or --ticks N "
                 "to hold one value for N ticks"))
    generator = torch.Generator().manual_seed(0)
    arrays = []
    for name, shape in network.inputs.items():
        form = InputForm("static" if network.static else "spikes", 0.0, 1.0)
        if network.ours is not None:
            form = network.ours.inputs.get(name, form)
        time = () if network.static else (ticks,)
        noise = torch.rand(*time, EXAMPLES, *shape, generator=generator)
        arrays.append((noise < SPIKE_RATE).float() if form.kind == "spikes" else
                      form.low + (form.high - form.low) * noise)
    return arrays
