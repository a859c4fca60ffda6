"""The kernel in C, compiled for this machine on first use and kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.resources
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurocompile.backends.truenorth.engine import Ints, Range, State, Words
from neurocompile.backends.truenorth.program import Program
from neurocompile.diagnostics import Diagnostic, UsageError

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=gnu11", "-O3", "-shared", "-fPIC")
NATIVE = ("-march=native",)
_SECONDS = 120
_PROGRAM = ("rows", "axons", "weights", "leak", "threshold", "floor", "modes", "reset", "reset_row",
            "route", "special", "all_weights", "reversal", "random_synapse", "random_leak", "mask")
_STATE = ("v", "spikes_now", "ring", "axon_events", "synaptic_events", "spikes")


class _ProgramPointers(ctypes.Structure):
    _fields_ = [*((name, ctypes.c_void_p) for name in _PROGRAM), ("cores", ctypes.c_int64)]


class _StatePointers(ctypes.Structure):
    _fields_ = [*((name, ctypes.c_void_p) for name in _STATE), ("samples", ctypes.c_int64)]


class CKernel:
    """The loops of `kernel.c` over one program; raises UsageError (NC612) without a compiler."""

    def __init__(self, program: Program, flags: tuple[str, ...] = NATIVE) -> None:
        self._library = ctypes.CDLL(str(library(flags)))
        if self._library.layout() != _layout():
            raise _no_compiler("`kernel.c` is of another version than this program")
        self._arrays = _arrays(program)  # alive as long as their pointers
        pointers = {name: array.ctypes.data for name, array in self._arrays.items()}
        self._program = _ProgramPointers(**pointers, cores=len(program))

    def inject(self, state: State, tick: int, sample: Ints, core: Ints, axon: Ints) -> None:
        """Set axons for the present tick."""
        events = [np.ascontiguousarray(x, np.int64) for x in (sample, core, axon)]
        self._call("inject", state, tick, len(sample), *events)

    def integrate(self, state: State, tick: int, cores: Range) -> None:
        """Move a range of cores."""
        self._call("integrate", state, tick, *cores)

    def finish_special(self, state: State, tick: int, cores: Range, keys: Words) -> None:
        """The rest of it for special cores."""
        self._call("finish_special", state, tick, *cores, np.ascontiguousarray(keys))

    def deliver(self, state: State, tick: int) -> None:
        """Set the axons that spikes reach."""
        self._call("deliver", state, tick)

    def _call(self, function: str, state: State, *values: int | NDArray[np.generic]) -> None:
        activity = state.activity
        pointers = _StatePointers(
            state.v.ctypes.data, state.spikes_now.ctypes.data, state.ring.ctypes.data,
            activity.axon_events.ctypes.data, activity.synaptic_events.ctypes.data,
            activity.spikes.ctypes.data, len(state.v))
        arguments = [ctypes.c_int64(x) if isinstance(x, int) else ctypes.c_void_p(x.ctypes.data)
                 for x in values]
        self._library[function](ctypes.byref(self._program), ctypes.byref(pointers), *arguments)


def _layout() -> int:
    return ctypes.sizeof(_ProgramPointers) << 16 | ctypes.sizeof(_StatePointers)


def _arrays(program: Program) -> Mapping[str, NDArray[np.generic]]:
    """By the names of the structure in C, dense and of its types."""
    p, c = program, program.cores
    arrays: dict[str, tuple[NDArray[np.generic], type[np.generic]]] = {
        "rows": (p.rows, np.uint32), "axons": (p.axons, np.uint16),
        "weights": (p.weights, np.int16), "leak": (p.leak, np.int16),
        "threshold": (p.threshold, np.int32), "floor": (p.floor, np.int32),
        "modes": (p.modes, np.uint8), "reset": (p.reset, np.int32),
        "reset_row": (p.reset_row, np.int64), "route": (p.route, np.int64),
        "special": (p.special, np.bool_), "all_weights": (c.weights, np.int16),
        "reversal": (c.leak_reversal, np.bool_), "random_synapse": (c.random_synapse, np.bool_),
        "random_leak": (c.random_leak, np.bool_), "mask": (c.threshold_mask, np.int32)}
    return {name: np.ascontiguousarray(array, kind) for name, (array, kind) in arrays.items()}


def library(flags: tuple[str, ...] = NATIVE) -> Path:
    """The compiled kernel, from the cache if this machine made it. Raises UsageError (NC612)."""
    source = (importlib.resources.files("neurocompile.backends.truenorth") / "kernel.c").read_bytes()
    compiler = _compiler()
    key = hashlib.sha256(b"\0".join([source, compiler.encode(), _processor().encode(),
                                     *(flag.encode() for flag in flags)])).hexdigest()[:16]
    folder = _cache()
    shared_object = folder / f"truenorth-{key}.so"
    if not shared_object.is_file():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            (Path(work) / "kernel.c").write_bytes(source)
            _compile(compiler, Path(work), flags)
            os.replace(Path(work) / "kernel.so", shared_object)
    return shared_object


def _compile(compiler: str, work: Path, flags: tuple[str, ...]) -> None:
    command = [compiler, *FLAGS, *flags, "kernel.c", "-o", "kernel.so"]
    try:
        process = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False,
                              timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_compiler(f"`{compiler}` did not run: {error}") from None
    if process.returncode:
        lines = process.stderr.strip().splitlines() or ["no message"]
        raise _no_compiler(f"`{' '.join(command)}` failed: {lines[0][:200]}")


def _compiler() -> str:
    """The full path of `$CC` or of the first C compiler on the path."""
    name_of_user = os.environ.get("CC")
    paths = [path for name in ((name_of_user,) if name_of_user else COMPILERS) if (path := shutil.which(name))]
    if not paths:
        raise _no_compiler(f"`{name_of_user}` (CC) is not on the path" if name_of_user else
                           f"none of {', '.join(COMPILERS)} is on the path")
    return paths[0]


def _processor() -> str:
    """What `-march=native` compiles for: a cache may be shared by several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() + platform.machine()
    features = [line for line in lines if line.startswith(("model name", "flags", "Features"))]
    return platform.machine() + "".join(sorted(set(features)))


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neurocompile"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _no_compiler(f"`{folder}` cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise _no_compiler(f"`{folder}` cannot be written")
    return folder


def _no_compiler(reason: str) -> UsageError:
    return UsageError(Diagnostic("NC612", values={"reason": reason}))
