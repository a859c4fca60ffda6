"""The simulator of core networks: bit-exact, event-driven over active axons, batches of samples."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

from neurocompile.backends.truenorth.check import require
from neurocompile.backends.truenorth.engine import CompiledEngine, CoreActivity, Engine, Kernel
from neurocompile.backends.truenorth.host import Inputs, events, n_samples
from neurocompile.backends.truenorth.program import Program
from neurocompile.backends.truenorth.results import ProbeRecorder, Probes, Simulation
from neurocompile.diagnostics import Diagnostic, UsageError
from neurocompile.passes.truenorth.core_network import CoreNetwork

ENGINES = ("auto", "numba", "numpy", "c")
_SPIKES = Probes()
_BATCH_BYTES = 1 << 23  # of the state of a batch of samples: about what a cache holds
_SAMPLE_BYTES = {"numpy": 1 << 14, "numba": 1600, "c": 1600}  # per core

MOST_THREADS = 1024

Progress = Callable[[int, int], None]  # ticks of the chip done, in all
Make = Callable[[Program, CoreActivity, range, int, ThreadPoolExecutor | None, int], Engine]


def simulate(network: CoreNetwork, inputs: Inputs, *, engine: str = "auto", threads: int = 1,
             probes: Probes = _SPIKES, seed: int = 0, progress: Progress | None = None) -> Simulation:
    """All samples of the inputs [samples, n_ticks, *shape] (0 or 1), each from `cores.potential`.

    Every engine gives the same numbers: `numba`, `numpy` (one thread) and `c`, which needs a C
    compiler; `auto` is numba. `threads` share the cores of a tick. `seed` is for stochastic modes.
    Raises UsageError: NC009 for an engine, number of threads, probe or input that cannot be, NC612
    for `c` without a compiler; FindingsError (NC613) for a network that is out of range.
    """
    _check(network, engine, threads, probes)
    require(network)
    name = "numba" if engine == "auto" else engine
    samples = n_samples(network, inputs)
    recorder = ProbeRecorder(network, probes, samples, name)
    program = Program.of(network.cores)
    make = _maker(name, program)
    size = max(1, _BATCH_BYTES // (_SAMPLE_BYTES[name] * max(1, len(program))))
    ticks = network.ticks_per_sample
    with ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        for first in range(0, samples, size):
            batch = slice(first, min(first + size, samples))
            state = make(program, recorder.result.activity, range(batch.start, batch.stop), seed,
                         pool, threads)
            arrivals = events(network, inputs, batch)
            for tick in range(ticks):
                at = arrivals.at(tick)
                state.inject(tick, arrivals.sample[at], arrivals.core[at], arrivals.axon[at])
                state.advance(tick)
                recorder.take(state, batch, tick)
                if progress is not None:
                    progress(first * ticks + (tick + 1) * (batch.stop - first), samples * ticks)
    return recorder.result


def _maker(name: str, program: Program) -> Make:
    """How an engine of that name is made; its modules are loaded here."""
    if name == "numpy":
        from neurocompile.backends.truenorth.vectorized import NumpyEngine
        return lambda program, activity, samples, seed, *_: NumpyEngine(
            program, activity, samples, seed)
    kernel = _kernel(name, program)
    return lambda *arguments: CompiledEngine(kernel, *arguments)


def _kernel(name: str, program: Program) -> Kernel:
    if name == "c":
        from neurocompile.backends.truenorth.compiler import CKernel
        return CKernel(program)
    from neurocompile.backends.truenorth.compiled import NumbaKernel
    return NumbaKernel(program)


def _check(network: CoreNetwork, engine: str, threads: int, probes: Probes) -> None:
    if engine not in ENGINES:
        raise _bad("engine", engine, f"one of {', '.join(ENGINES)}")
    most = 1 if engine == "numpy" else MOST_THREADS
    if not 1 <= threads <= most:
        raise _bad("threads", threads, f"1 to {most} with this engine")
    names = {p.name for p in network.populations}
    for probe in (probes.spikes, probes.potentials, probes.counts):
        for name in set(probe or ()) - names:
            raise _bad("probes", name, f"the populations are {', '.join(sorted(names)) or 'none'}")


def _bad(option: str, value: object, reason: str) -> UsageError:
    return UsageError(Diagnostic("NC009", values={
        "option": option, "value": value, "reason": reason}))
