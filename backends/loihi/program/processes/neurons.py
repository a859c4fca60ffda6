"""Integer neurons that Lava has not: soft, delayed and absent resets.

All share Lava's integer u and v (`AbstractPyLifModelFixed`) and, like Lava's `LIFReset`, are
cleared in the steps t with `t % reset_interval == reset_offset % reset_interval`, after the input
is received and before the update. On silicon each needs a neuron program of its own.
"""

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import AbstractPyLifModelFixed
from lava.proc.lif.process import LIF


class ClearedLIF(LIF):
    """LIF whose state is cleared at sample boundaries; what a spike does is up to subclasses."""

    def __init__(self, *, reset_interval, reset_offset, v_sub=0, **parameters):
        super().__init__(reset_interval=reset_interval, reset_offset=reset_offset, v_sub=v_sub,
                         **parameters)


class SoftLIF(ClearedLIF):
    """A spike subtracts `v_sub << 6` from v at once. Needs a neuron program on silicon."""


class SoftDelayedLIF(ClearedLIF):
    """A spike subtracts `v_sub << 6` in the next tick, after the decay of v.

    Needs a neuron program on silicon.
    """


class HardDelayedLIF(ClearedLIF):
    """A spike sets v to 0 in the next tick, whose input is lost. Needs a neuron program."""


class NonResettingLIF(ClearedLIF):
    """A spike leaves v as it is. Needs a neuron program on silicon."""


class AbstractClearedModel(AbstractPyLifModelFixed):
    """What the models below share: thresholds, clearing, and the order of one step."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: int = LavaPyType(int, np.int32, precision=17)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.interval = proc_params["reset_interval"]
        self.offset = proc_params["reset_offset"] % self.interval
        self.subtrahend = np.int32(int(proc_params["v_sub"]) << self.vth_shift)

    def above(self):
        """Neurons whose v is above the threshold."""
        return self.v > np.left_shift(self.vth, self.vth_shift)

    def run_spk(self):
        """One step: receive, clear at a sample's start, update, send."""
        received = self.a_in.recv()
        if self.time_step % self.interval == self.offset:
            self.u[:] = 0
            self.v[:] = 0
        self.scale_bias()
        self.update(received)
        self.s_out.send(self.above_before_reset)

    def update(self, received):
        """Advance u and v; leave the spikes in `above_before_reset`."""
        self.subthr_dynamics(activation_in=received)
        self.above_before_reset = self.above()
        self.reset_voltage(self.above_before_reset)


@implements(proc=SoftLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftLIF(AbstractClearedModel):
    """v -= v_sub << 6 where v is above the threshold."""

    def reset_voltage(self, spike_vector):
        """Subtract at once."""
        self.v[spike_vector] -= self.subtrahend


@implements(proc=SoftDelayedLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySoftDelayedLIF(AbstractClearedModel):
    """v is left above the threshold, and lowered in the next tick."""

    def update(self, received):
        """Subtract together with the bias, before v is clipped."""
        self.effective_bias = self.effective_bias - self.above() * self.subtrahend
        super().update(received)

    def reset_voltage(self, spike_vector):
        """Nothing in the tick of the spike."""


@implements(proc=HardDelayedLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyHardDelayedLIF(AbstractClearedModel):
    """v is left above the threshold, and zero in the next tick."""

    def update(self, received):
        """Update, then zero the neurons that spiked in the tick before."""
        fired_before = self.above()
        self.subthr_dynamics(activation_in=received)
        self.v[fired_before] = 0
        self.above_before_reset = self.above()


@implements(proc=NonResettingLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyNonResettingLIF(AbstractClearedModel):
    """v only decays."""

    def reset_voltage(self, spike_vector):
        """Nothing."""
