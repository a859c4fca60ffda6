"""Populations that send whole numbers instead of spikes."""

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
