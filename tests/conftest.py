"""One small network, built once for each family: what reports and builds are tested on."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numba.core.dispatcher
import numpy as np
import pytest
import torch

from neurocompile.builds import builder
from neurocompile.builds.builder import BuildResult
from neurocompile.capture.torch_model import capture
from neurocompile.families.family import Checks
from neurocompile.families.targets import load_target
from neurocompile.formats.cache.store import VARIABLE
from neurocompile.formats.request import Capture
from neurocompile.formats.samples import load_sample
from neurocompile.ir.graph import Graph
from neurocompile.options import Options
from neurocompile.target import Target
from neurocompile.target.loihi import LoihiTarget
from tests.families import truenorth_models as models

EXPORTERS = ((torch.export, "export"), (torch.export.ExportedProgram, "run_decompositions"),
             (torch.onnx, "export"), (numba.core.dispatcher.Dispatcher, "compile"))
MEMORY = 6_000  # bits of a core: the network takes several


@pytest.fixture(scope="session", autouse=True)
def no_kept_captures() -> Iterator[None]:
    """Tests capture what they test; those of the cache name a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "")
        yield


@pytest.fixture(scope="session", autouse=True)
def torch_without_trace() -> Iterator[None]:
    """Coverage leaves out what torch's exporters and numba's compiler run: half of the time else."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in EXPORTERS:
            patch.setattr(owner, name, without_trace()(getattr(owner, name)))
        yield


@contextlib.contextmanager
def without_trace() -> Iterator[None]:
    """Inside, neither coverage nor a debugger looks on."""
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)


@pytest.fixture(scope="session")
def small_graph() -> Graph:
    """`truenorth_models.Spiking`: spikes of 2x6x6 into 8x6x6 and 6x2x2 neurons, three outputs."""
    return capture(models.Spiking(soft=False), models.frames(4))


@pytest.fixture(scope="session")
def small_loihi_target() -> LoihiTarget:
    """Loihi 1, whose operations have published costs, with little memory."""
    target = load_target("loihi1")
    assert isinstance(target, LoihiTarget)
    return replace(target, core=replace(target.core, synapse_memory=replace(
        target.core.synapse_memory, value=MEMORY)))


@pytest.fixture(scope="session")
def build_small(small_graph: Graph, tmp_path_factory: pytest.TempPathFactory
                ) -> Callable[..., BuildResult]:
    """Builds it for a target, with or without its labeled sample; not verified on Lava."""
    folder = tmp_path_factory.mktemp("small")
    x = models.frames(12, 1).movedim(1, 0).numpy().astype(np.uint8)
    np.savez(folder / "frames.npz", x=x, y=np.arange(12) % 3)
    sample = load_sample(folder / "frames.npz")

    def build(target: Target, out: Path, with_sample: bool = True, verify: bool = False,
              options: Options | None = None) -> BuildResult:
        return builder.build(
            Capture(small_graph, "small.onnx", ()), target, options or Options(), out,
            sample=sample if with_sample else None, checks=Checks(4 if verify else 0))

    return build


@pytest.fixture(scope="session")
def loihi_build(build_small: Callable[..., BuildResult], small_loihi_target: LoihiTarget,
                tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return build_small(small_loihi_target, tmp_path_factory.mktemp("loihi") / "built")


@pytest.fixture(scope="session")
def truenorth_build(build_small: Callable[..., BuildResult],
                    tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    return build_small(load_target("truenorth"), tmp_path_factory.mktemp("truenorth") / "built",
                       verify=True)


@pytest.fixture(scope="session")
def unmeasured_build(build_small: Callable[..., BuildResult], small_loihi_target: LoihiTarget,
                     tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    """For Loihi, without a sample."""
    return build_small(small_loihi_target, tmp_path_factory.mktemp("unmeasured") / "built",
                       with_sample=False)


@pytest.fixture(params=["loihi_build", "truenorth_build"])
def either_build(request: pytest.FixtureRequest) -> BuildResult:
    """That of each family in turn."""
    result = request.getfixturevalue(request.param)
    assert isinstance(result, BuildResult)
    return result


@pytest.fixture
def golden() -> Callable[[Path, str], None]:
    """Compares a text with a file; NEUROCOMPILE_UPDATE_GOLDEN=1 writes it instead."""
    def check(path: Path, text: str) -> None:
        if os.environ.get("NEUROCOMPILE_UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text + "\n"
    return check
