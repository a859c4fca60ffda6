"""What the host does: spikes and biases into the network, spikes and states out of it.

`first` is the step (counted from 1) in which a population computes tick 0 of sample 0; rows of
files are ticks, all samples one after the other.
"""

import os

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class SpikeSource(AbstractProcess):
    """Sends row `step - 1` of an array [rows, neurons] of `file`; nothing after the last row."""

    def __init__(self, *, shape, file, key):
        super().__init__(shape=shape, file=file, key=key)
        self.s_out = OutPort(shape=shape)


class BiasFeeder(AbstractProcess):
    """Writes row s of an array [samples, neurons] of `file` to a `bias_mant` before sample s.

    Row 0 is the initial value of that variable; the others are written through a reference port
    at the end of the step before the sample's first one.
    """

    def __init__(self, *, variable, file, key, interval, first):
        super().__init__(file=file, key=key, interval=interval, first=first)
        self.target = RefPort(variable.shape)
        self.target.connect_var(variable)


class SpikeRecorder(AbstractProcess):
    """Appends the spikes of steps `first` to `first + rows - 1` to `file`, as `dtype`."""

    def __init__(self, *, shape, file, first, rows, dtype):
        super().__init__(shape=shape, file=file, first=first, rows=rows, dtype=dtype)
        self.a_in = InPort(shape=shape)


class StateRecorder(AbstractProcess):
    """Appends a variable at the end of step `first` and every `every` steps to `file`, as int32.

    After `rows` rows it stops.
    """

    def __init__(self, *, variable, file, first, rows, every=1):
        super().__init__(file=file, first=first, rows=rows, every=every)
        self.source = RefPort(variable.shape)
        self.source.connect_var(variable)


class Tie(AbstractProcess):
    """Joins two parts of a network that share no synapse, so that Lava runs both. Does nothing."""

    def __init__(self, *, one, other):
        super().__init__()
        self.one = RefPort(one.shape)
        self.one.connect_var(one)
        self.other = RefPort(other.shape)
        self.other.connect_var(other)


@implements(proc=SpikeSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySpikeSource(PyLoihiProcessModel):
    """Holds the array of its file."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        size = proc_params["shape"][0]
        with np.load(proc_params["file"], allow_pickle=False) as arrays:
            self.rows = arrays[proc_params["key"]].reshape(-1, size)
        self.nothing = np.zeros(size, np.int32)

    def run_spk(self):
        """Send one row."""
        row = self.time_step - 1
        self.s_out.send(self.rows[row].astype(np.int32) if row < len(self.rows) else self.nothing)


@implements(proc=BiasFeeder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyBiasFeeder(PyLoihiProcessModel):
    """Holds the array of its file."""

    target: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, int)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.interval, self.first = proc_params["interval"], proc_params["first"]
        with np.load(proc_params["file"], allow_pickle=False) as arrays:
            self.rows = arrays[proc_params["key"]]

    def post_guard(self):
        """Whether a sample other than the first starts in the next step."""
        sample, tick = divmod(self.time_step + 1 - self.first, self.interval)
        return tick == 0 and 0 < sample < len(self.rows)

    def run_post_mgmt(self):
        """Write the sample's row and wait until it is written."""
        self.target.write(self.rows[(self.time_step + 1 - self.first) // self.interval])
        self.target.wait()


@implements(proc=SpikeRecorder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySpikeRecorder(PyLoihiProcessModel):
    """Writes every row at once, so that no step's end is lost when Lava stops the process."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.first, self.rows = proc_params["first"], proc_params["rows"]
        self.dtype = proc_params["dtype"]
        self.file = os.open(proc_params["file"], os.O_WRONLY | os.O_APPEND)

    def run_spk(self):
        """Receive and append."""
        spikes = self.a_in.recv()
        if 0 <= self.time_step - self.first < self.rows:
            os.write(self.file, spikes.astype(self.dtype).tobytes())


@implements(proc=StateRecorder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyStateRecorder(PyLoihiProcessModel):
    """Reads the variable through a reference port after the spikes of a step are sent."""

    source: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, int)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.first, self.rows = proc_params["first"], proc_params["rows"]
        self.every = proc_params["every"]
        self.file = os.open(proc_params["file"], os.O_WRONLY | os.O_APPEND)

    def post_guard(self):
        """Whether this step is recorded."""
        row, rest = divmod(self.time_step - self.first, self.every)
        return rest == 0 and 0 <= row < self.rows

    def run_post_mgmt(self):
        """Read and append."""
        os.write(self.file, self.source.read().astype(np.int32).tobytes())


@implements(proc=Tie, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyTie(PyLoihiProcessModel):
    """Never reads."""

    one: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, int)
    other: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, int)
