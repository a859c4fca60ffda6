"""Ends the program when a process model fails; without it Lava waits forever and says nothing.

The failing process writes its traceback to stderr and signals the main process, which stops the
others and exits with status 3. Import it after `lavacompat`.
"""

import multiprocessing
import os
import signal
import sys
import traceback

from lava.magma.runtime.message_infrastructure.multiprocessing import SystemProcess

EXIT_STATUS = 3
MAIN = os.getpid()


def _run(self):
    try:
        multiprocessing.Process.run(self)
        self._cconn.send(None)
    except Exception as error:  # noqa: BLE001 - whatever a process model raises
        trace = traceback.format_exc()
        sys.stderr.write(trace)
        sys.stderr.flush()
        self._cconn.send((error, trace))
        os.kill(MAIN, signal.SIGUSR1)


def _give_up(signum, frame):
    if os.getpid() == MAIN:
        for child in multiprocessing.active_children():
            child.kill()
        os._exit(EXIT_STATUS)


SystemProcess.run = _run
signal.signal(signal.SIGUSR1, _give_up)
