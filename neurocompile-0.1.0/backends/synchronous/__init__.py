"""The synchronous reference: the integer network, exactly, on CPU or GPU."""

from neurocompile.backends.synchronous.run import Executor, Run, outputs, run

__all__ = ["Executor", "Run", "outputs", "run"]
