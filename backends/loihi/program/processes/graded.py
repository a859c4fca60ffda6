"""Populations that send whole numbers instead of spikes, and what records them."""

import os

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class GradedSum(AbstractProcess):
    """Sends the sum of its input as the payload of a graded spike; no threshold, no memory.

    The sum is not shifted: a neuron that receives it through a weight of 1 gets what it would
    have got from the synapses that were summed. `v` holds the last sum. Needs a neuron program on
    silicon.
    """

    def __init__(self, *, shape):
        super().__init__(shape=shape)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.v = Var(shape=shape, init=0)


class GradedRecorder(AbstractProcess):
    """Appends what is sent in steps `first` to `first + rows - 1` to `file`, as int32."""

    def __init__(self, *, shape, file, first, rows):
        super().__init__(shape=shape, file=file, first=first, rows=rows)
        self.a_in = InPort(shape=shape)


@implements(proc=GradedSum, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyGradedSum(PyLoihiProcessModel):
    """One sum per neuron and step."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    v: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)

    def run_spk(self):
        """Receive and send."""
        self.v[:] = self.a_in.recv()
        self.s_out.send(self.v.copy())


@implements(proc=GradedRecorder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyGradedRecorder(PyLoihiProcessModel):
    """Writes every row at once, as the recorder of spikes does."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.first, self.rows = proc_params["first"], proc_params["rows"]
        self.file = os.open(proc_params["file"], os.O_WRONLY | os.O_APPEND)

    def run_spk(self):
        """Receive and append."""
        sums = self.a_in.recv()
        if 0 <= self.time_step - self.first < self.rows:
            os.write(self.file, sums.astype(np.int32).tobytes())
