"""The user's code runs inside `user_code`: what it does to the process ends with it.

A model's module, factory, forward and hooks may end the process, change its working directory, its
default dtype or its signal handlers. None of that may change what is computed around it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
import torch

from neurocompile.capture.frames import raised_at
from neurocompile.diagnostics import Diagnostic, NeurocompileError, UsageError
from neurocompile.interrupts import Interruption, interrupt

Finding = Callable[[BaseException], BaseException]
ENDS_PROCESS = 'put what ends the process under `if __name__ == "__main__":`'


@contextmanager
def user_code(finding: Finding) -> Iterator[None]:
    """Inside, the user's code runs; afterwards the process is as it was.

    Back come the working directory, `sys.argv`, streams, warning filters, signal handlers, random
    states, numpy's and torch's modes. Folders that it adds to `sys.path` stay, behind the others.
    What it raises becomes `finding(error)`, SystemExit and KeyboardInterrupt too. Our own errors,
    MemoryError and a real interrupt (Interruption) pass, an interrupt that it swallows as well.
    """
    process = _Process()
    try:
        with warnings.catch_warnings(), _signals(), _no_exit():
            yield
    except (NeurocompileError, Interruption, MemoryError):
        raise
    except BaseException as error:  # the user's own code: anything
        failure = finding(error)
        if failure is error:
            raise
        raise failure from error
    finally:
        process.restore()


def model_failure(module: str, doing: str, theirs: bool = False) -> Finding:
    """NC103 for what user code raises, at its line; an exception of ours stays what it is.

    `theirs`: nothing of ours runs inside, so that even what passed no line of the user's is theirs.
    """
    def finding(error: BaseException) -> BaseException:
        where = raised_at(error, module)
        if isinstance(error, Exception) and where.file is None and not theirs:
            return error
        return UsageError(Diagnostic("NC103", where, {
            "module": module, "doing": doing, "reason": summary(error)}, hint=hint_for(error)))
    return finding


def summary(error: BaseException) -> str:
    """An exception in a line."""
    try:
        lines = str(error).splitlines()
    except Exception:  # noqa: BLE001 - the error's own code
        lines = []
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")


def hint_for(error: BaseException) -> str:
    """What to do about what user code raised."""
    return ENDS_PROCESS if isinstance(error, SystemExit) else (
        "correct the named line; it has to run in Python by itself")


@contextmanager
def _signals() -> Iterator[None]:
    """The signal handlers come back. Raises Interruption for a real interrupt, swallowed or not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrivals: list[int] = []

    def note(number: int, _: Any) -> None:
        arrivals.append(number)
        interrupt()

    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    for number in (signal.SIGINT, signal.SIGTERM):
        if before[number] in (signal.default_int_handler, interrupt):
            signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        if arrivals:
            raise Interruption


@contextmanager
def _no_exit() -> Iterator[None]:
    """`os._exit` raises SystemExit in this process; a child that leaves the block ends there."""
    own, leave = os.getpid(), os._exit

    def ask(status: int) -> NoReturn:
        if os.getpid() != own:
            leave(status)
        raise SystemExit(status)

    os._exit = ask
    code = 1
    try:
        yield
        code = 0
    finally:
        os._exit = leave
        if os.getpid() != own:
            leave(code)


def _folder() -> str | None:
    """The working directory; None where it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _go_to(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _default_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (_folder, _go_to),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (np.geterr, lambda modes: np.seterr(**modes)),
    (np.geterrcall, np.seterrcall),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_default_device, _default_device),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (lambda: torch.is_autocast_enabled("cpu"), lambda on: torch.set_autocast_enabled("cpu", on)),
)
"""What is read, and set again where it differs."""


class _Process:
    """What of a process user code can change."""

    def __init__(self) -> None:
        self.settings = [get() for get, _ in _SETTINGS]
        self.argv, self.path = (sys.argv, list(sys.argv)), (sys.path, list(sys.path))
        self.streams = sys.stdin, sys.stdout, sys.stderr
        self.random = random.getstate(), np.random.get_state(), torch.get_rng_state()

    def restore(self) -> None:
        """Put it back."""
        for (get, assign), value in zip(_SETTINGS, self.settings, strict=True):
            if get() != value:
                assign(value)
        sys.argv, words = self.argv
        sys.argv[:] = words
        more = [folder for folder in sys.path if folder not in self.path[1]]
        sys.path, folders = self.path
        sys.path[:] = [*folders, *more]
        sys.stdin, sys.stdout, sys.stderr = self.streams
        random.setstate(self.random[0])
        np.random.set_state(self.random[1])
        torch.set_rng_state(self.random[2])

