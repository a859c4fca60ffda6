"""From what the user names (a file, a factory) to a Graph, running no code from a model file."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurocompile.capture.declaration import Declaration
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.formats.nir.options import NirOptions
from neurocompile.formats.samples import Sample, fit
from neurocompile.ir.graph import Graph
from neurocompile.ir.graph_file import load_graph
from neurocompile.ir.operators import Array

EXAMPLES = 4  # samples that capture replays
WEIGHTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")
OTHERS = {".h5": "an HDF5 file",
          ".keras": "a Keras file", ".tflite": "a TensorFlow Lite file",
          ".pkl": "a pickle", ".pickle": "a pickle", ".npz": "a NumPy archive"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a build was made from."""

    role: str  # "graph", "weights", "architecture", "sample"
    name: str
    sha256: str
    size: int


@dataclass(frozen=True, eq=False)
class Capture:
    """A captured model, and what it was made from."""

    graph: Graph
    name: str
    sources: tuple[Source, ...]

    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the graph's inputs by name, as captured."""
        return {str(v.name): tuple(n if isinstance(n, int) else 0
                                   for n in v.shape or ()) for v in
                self.graph.model.graph.inputs}

    def fit(self, sample: Sample) -> dict[str, Array]:
        """The sample by input name. Raises UsageError (NC008) when it is none of this model."""
        return fit(sample, self.inputs())


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line and the configuration say about a model."""

    spec: str
    arch: str | None = None
    weights: Path | None = None
    arch_args: Mapping[str, Any] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()  # searched for the architecture
    trust_pickle: bool = False
    shape: tuple[int, ...] | None = None  # of one sample, for models without a sample
    input_ticks: int | None = None  # the input has a time axis of so many ticks, in front
    n_ticks: int | None = None  # the model computes one tick per call
    prove: bool = True  # run the replay gate; a Graph without it can be checked, not built
    prove_up_to: int | None = None  # parameters; larger models are not proved
    nir: NirOptions = field(default_factory=NirOptions)  # what a .nir file leaves open
    neurons: Mapping[str, Declaration] = field(default_factory=dict)  # declared, by class


def _silent(_: str) -> None:
    return None


def load_model(request: Request, sample: Sample | None = None,
               say: Callable[[str], None] = _silent) -> Capture:
    """The Graph of the model that is named.

    `.onnx`: a graph that `neurocompile.export` wrote. `.pt2`: a program of torch.export. `.nir`: see `nir_load`. `.net`: a lava-dl
    network, run for the ticks that the request or else the file names. `pkg.mod:factory`, or a
    file of weights with an `arch`: the model is made by the user's code and captured on the
    sample's first inputs, or on seeded noise of the given shape. `say` is told whose code runs.
    Raises UsageError for everything that cannot be read, FindingsError from capture.
    """
    path = Path(request.spec)
    is_entry = ":" in request.spec and not path.exists()
    if is_entry:
        return _captured(request, request.spec, request.weights, sample, say)
    if not path.exists():
        raise _not_there(request.spec)
    from neurocompile.formats.regular import check_regular, unsupported

    check_regular(path)
    if path.suffix == ".onnx":
        return Capture(load_graph(path), path.name, (source("graph", path),))
    if path.suffix == ".net":
        return _net(request, path, sample)
    if path.suffix == ".pt2":
        return _program(request, path, sample)
    if path.suffix == ".nir":
        from neurocompile.formats.nir.load import nir_graph

        quiet_triton()
        return Capture(nir_graph(path, request, sample), path.name, (source("graph", path),))
    if path.suffix in OTHERS or path.suffix not in WEIGHTS:
        raise unsupported(path, OTHERS.get(path.suffix, f"a `{path.suffix}` file"))
    return _captured(request, request.arch, path, sample, say)


def _net(request: Request, path: Path, sample: Sample | None) -> Capture:
    from neurocompile.formats.net.file import read_net
    from neurocompile.formats.net.model import NetModel, example

    net = read_net(path)
    ticks = request.n_ticks or net.ticks
    if ticks is None:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"the ticks per sample of `{path}`",
            "reason": "the file has no simulation/tSample"}, hint="pass --ticks N"))
    net.check_size(path, ticks * EXAMPLES)
    timed = None if net.input.cell is not None else ticks
    given = dataclasses.replace(request, shape=net.input.shape, input_ticks=timed, n_ticks=None)
    made = example(net, ticks, EXAMPLES) if sample is None else None
    return _finish(given, NetModel(net, ticks), path.name, [source("graph", path)], sample, made)


def _program(request: Request, path: Path, sample: Sample | None) -> Capture:
    from neurocompile.formats.pt2.archive import load_program

    quiet_triton()
    program = load_program(path)
    from neurocompile.capture.torch_model import capture_program

    inputs = _program_inputs(program, path, sample)
    limit = request.prove_up_to
    small = limit is None or sum(t.numel() for t in program.state_dict.values()) <= limit
    return Capture(capture_program(program, inputs, request.prove and small), path.name,
                  (source("graph", path),))


def _program_inputs(program: Any, path: Path, sample: Sample | None) -> tuple[Any, ...]:
    """A program's inputs, whose shapes are fixed: the sample's first, else seeded noise."""
    import torch

    names = program.graph_signature.user_inputs
    wanted = [tuple(node.meta["val"].shape) for node in program.graph.nodes
              if node.op == "placeholder" and node.name in names]
    if sample is None:
        generator = torch.Generator().manual_seed(0)
        return tuple(torch.rand(*shape, generator=generator) for shape in wanted)
    fitted = fit(sample, dict(zip(map(str, names), wanted, strict=True)))
    found = []
    for shape, array in zip(wanted, fitted.values(), strict=True):
        timed = array.shape[1:] != shape[1:]
        count = shape[1] if timed else shape[0]
        if len(array) < count:
            raise UsageError(Diagnostic("NC008", values={
                "file": str(sample.file), "reason": f"it has {len(array)} samples; `{path}` was "
                f"exported for a batch of {count}"}))
        given = torch.from_numpy(array[:count].copy())
        found.append(given.movedim(1, 0).contiguous() if timed else given)
    return tuple(found)


def source(role: str, path: Path) -> Source:
    """A file with its hash."""
    data = path.read_bytes()
    return Source(role, path.name, hashlib.sha256(data).hexdigest(), len(data))


def _not_there(spec: str) -> UsageError:
    path = Path(spec)
    folder = path.parent if path.parent.is_dir() else Path()
    names = [p.name for p in folder.iterdir() if p.suffix in (*WEIGHTS, ".onnx", ".net")]
    close = difflib.get_close_matches(path.name, names, n=1)
    hint = f"; did you mean `{folder / close[0]}`?" if close else ""
    return UsageError(Diagnostic("NC007", values={
        "what": f"the model `{spec}`", "reason": f"no such file{hint}"}))


def _captured(request: Request, arch: str | None, weights: Path | None, sample: Sample | None,
              say: Callable[[str], None]) -> Capture:
    from neurocompile.capture.factory import make_model, put_weights
    from neurocompile.formats import checkpoint

    loaded = None
    if weights is not None:
        if request.trust_pickle:
            say(f"--trust-pickle: running the code that is pickled in {weights}")
        loaded = checkpoint.load_checkpoint(weights, request.trust_pickle)
    sources = [] if weights is None else [source("weights", weights)]
    if loaded is not None and hasattr(loaded, "state_dict"):  # a module that the user trusts
        return _finish(request, loaded, Path(request.spec).name, sources, sample)
    state = None if loaded is None or weights is None else checkpoint.state_dict(weights, loaded)
    if arch is None:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"the architecture of `{weights}`",
            "reason": "it holds weights only, and no configured model names this file"},
            hint="name it with --arch pkg.mod:factory, or as `entry` in neurocompile.toml"))
    model, file = make_model(arch, request.arch_args, request.folders or (Path.cwd(),))
    if file is not None:
        say(f"{arch} comes from {_shown(file)}")
        sources.append(source("architecture", file))
    if state is not None:
        put_weights(model, state, arch, str(weights))
    return _finish(request, model, arch if weights is None else weights.name, sources, sample)


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


def _finish(request: Request, model: Any, name: str, sources: list[Source],
            sample: Sample | None, example: Any = None) -> Capture:
    quiet_triton()
    from neurocompile.capture.torch_model import capture

    if example is None:
        example = example_input(request, sample, name)
    limit = request.prove_up_to
    prove = request.prove and (
        limit is None or sum(p.numel() for p in model.parameters()) <= limit)
    return Capture(capture(
        model, example, request.n_ticks, prove, request.neurons), name, tuple(sources))


def quiet_triton() -> None:
    """torch says on stderr that Triton is not there; nothing here needs it."""
    logging.getLogger("torch._library.triton").setLevel(logging.ERROR)


def example_input(request: Request, sample: Sample | None, name: str) -> Any:
    """The inputs that a model is captured on: the sample's first, else seeded noise."""
    import torch

    if sample is not None:
        arrays = [torch.from_numpy(a.copy()) for a in sample.first(EXAMPLES).arrays.values()]
        timed = request.input_ticks is not None
        return tuple(a.movedim(1, 0).contiguous() if timed else a for a in arrays)
    if request.shape is None:
        raise UsageError(Diagnostic("NC007", values={
            "what": f"an example input for `{name}`",
            "reason": "a model is captured on an input, and there is neither a sample nor a shape"},
            hint="pass --sample x.npz or --input-shape 1,28,28, or set `input` or `sample` in "
                 "neurocompile.toml"))
    time = () if request.input_ticks is None else (request.input_ticks,)
    generator = torch.Generator().manual_seed(0)
    return torch.rand(*time, EXAMPLES, *request.shape, generator=generator)
