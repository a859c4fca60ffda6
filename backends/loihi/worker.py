"""Runs an emitted Lava program in a process of its own: no torch, a time limit, nothing left over.

Lava hangs on many failures. The program runs in its own process group, which is killed at the
end in any case.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neurocompile.diagnostics import Diagnostic, FindingsError, UsageError

LOG = "lava.log"
POLL_SECONDS = 0.05
GRACE_SECONDS = 3.0
CASUALTY_SECONDS = 1.0  # how often to look for processes that were killed
TRACEBACK = re.compile(  # up to the exception's own line, with the tracebacks that led to it
    r"Traceback \(most recent call last\):\n(?:[ \t].*\n)*(.*)\n?"
    r"(?:\n(?:The above exception|During handling).*\n\n"
    r"Traceback \(most recent call last\):\n(?:[ \t].*\n)*(.*)\n?)*")
INSTALL = ("pip install numpy scipy networkx scikit-learn asteval h5py; pip install --no-deps "
           "--ignore-requires-python lava-nc==0.10.0 lava-dl==0.6.0")


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a program; results and the log go to `output`."""

    program: Path  # the folder that `emit` wrote
    output: Path
    inputs: Path | None = None
    samples: int = 1  # for programs without an inputs file
    steps: int | None = None  # None: until the last tick has left every population
    state: bool = False
    limit: float = 600.0  # seconds
    lava_python: str | None = None  # None: this interpreter


def run_program(job: Job) -> float:
    """Run it to its end and return the seconds it took.

    Raises UsageError without an interpreter (NC007) or without Lava (NC602), FindingsError when
    the program fails (NC603) or exceeds its time (NC604).
    """
    job.output.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with (job.output / LOG).open("wb") as log:
        try:
            process = subprocess.Popen(
                _command(job), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=_environment(), start_new_session=True)
        except OSError as error:
            raise UsageError(Diagnostic("NC007", values={
                "what": f"the interpreter {job.lava_python}", "reason": str(error)})) from None
        try:
            cause = _wait(process.pid, start + job.limit)
        finally:
            _end_group(process.pid)
            status = process.wait()
    if cause == "time":
        raise FindingsError(_timeout(job))
    if cause is not None or status != 0:
        raise _error(job, cause, status)
    return time.monotonic() - start


def _command(job: Job) -> list[str]:
    command = [job.lava_python or sys.executable, str((job.program / "net.py").resolve()),
               "--output", str(job.output.resolve()), "--samples", str(job.samples)]
    if job.inputs is not None:
        command += ["--input", str(job.inputs.resolve())]
    if job.steps is not None:
        command += ["--steps", str(job.steps)]
    return [*command, "--state"] if job.state else command


def _environment() -> dict[str, str]:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **one_thread, "PYTHONDONTWRITEBYTECODE": "1"}


def _wait(pid: int, deadline: float) -> str | None:
    """Wait for the leader without reaping it, so that its group's id stays its own.

    None when it ended, else why it has to be killed.
    """
    next_look = time.monotonic() + CASUALTY_SECONDS
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        now = time.monotonic()
        if now > deadline:
            return "time"
        if now > next_look:
            casualty = _casualty(pid)
            if casualty is not None:
                return casualty
            next_look = now + CASUALTY_SECONDS
        time.sleep(POLL_SECONDS)
    return None


def _members(group: int) -> Iterator[tuple[str, int, int]]:
    """State, parent and exit code of each process of a group."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            yield fields[0], int(fields[1]), int(fields[-1])


def _casualty(group: int) -> str | None:
    """How a child of the program died, if one was killed: Lava would wait for it forever."""
    for state, parent, code in _members(group):
        if state == "Z" and parent == group and code & 0x7F:
            return f"one of its processes was killed by signal {code & 0x7F} (out of memory?)"
    return None


def _end_group(group: int) -> None:
    """Stop all of a group; what tracks shared memory outlives the rest a moment, to free it."""
    try:
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(m[0] != "Z" for m in _members(group)):
            time.sleep(POLL_SECONDS)
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _timeout(job: Job) -> Diagnostic:
    return Diagnostic("NC604", values={"limit": job.limit, "log": str(job.output / LOG)})


def _failure(job: Job, reason: str, notes: tuple[str, ...] = ()) -> Diagnostic:
    return Diagnostic("NC603", values={"reason": reason, "log": str(job.output / LOG)},
                      notes=notes)


def _error(job: Job, cause: str | None, status: int) -> UsageError | FindingsError:
    """Why a program failed: the first failure in its log, else how it ended.

    Lava may kill a failing program's processes, so a traceback counts more than a signal.
    """
    text = (job.output / LOG).read_text(encoding="utf-8", errors="replace")
    for package in ("lava", "scipy", "numpy"):
        if f"ModuleNotFoundError: No module named '{package}" in text:
            return UsageError(Diagnostic("NC602", values={
                "what": "running the Lava program",
                "package": "lava-nc" if package == "lava" else package}, hint=INSTALL))
    trace = TRACEBACK.search(text)  # the first failure; later ones follow from it
    if trace is not None:
        reason = trace[2] or trace[1]
        return FindingsError(_failure(job, reason, tuple(trace[0].splitlines())))
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit status {status}"
    return FindingsError(_failure(job, cause or last))
