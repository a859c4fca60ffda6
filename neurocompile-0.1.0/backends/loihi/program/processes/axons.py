"""Axons between a population and its synapses: waiting, and silence between samples."""

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class DelayLine(AbstractProcess):
    """Spikes leave `delay` steps after they came. On silicon: the delay field of the synapses.

    Stands before a convolution, which Lava has without delays.
    """

    def __init__(self, *, shape, delay):
        super().__init__(shape=shape, delay=delay)
        self.s_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)


class SampleGate(AbstractProcess):
    """Drops spikes that a projection with a delay of model ticks would carry to the next sample.

    `first` is the step of the source's tick 0 of sample 0. On silicon the source needs a neuron
    program, or the host a pause between samples.
    """

    def __init__(self, *, shape, interval, first, delay):
        super().__init__(shape=shape, interval=interval, first=first, delay=delay)
        self.s_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)


@implements(proc=DelayLine, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyDelayLine(PyLoihiProcessModel):
    """A ring of `delay` rows."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.ring = np.zeros((proc_params["delay"], *proc_params["shape"]), np.int32)

    def run_spk(self):
        """Send the oldest row, and put the newest in its place."""
        at = self.time_step % len(self.ring)
        self.s_out.send(self.ring[at].copy())
        self.ring[at] = self.s_in.recv()


@implements(proc=SampleGate, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySampleGate(PyLoihiProcessModel):
    """Open for the ticks of a sample whose delayed spikes arrive within it."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.interval, self.first = proc_params["interval"], proc_params["first"]
        self.open = max(0, self.interval - proc_params["delay"])

    def run_spk(self):
        """Receive; send it on, or nothing."""
        spikes = self.s_in.recv()
        tick = self.time_step - self.first
        passes = tick >= 0 and tick % self.interval < self.open
        self.s_out.send(spikes if passes else np.zeros_like(spikes))
