"""What no chip has, over arrays: neurons of the float normal form, and adders."""

from __future__ import annotations

import torch

from neurocompile.semantics.normal_form import FloatNeuron
from neurocompile.semantics.reset import Reset
from neurocompile.semantics.vectorized import POTENTIAL, Batch, BatchShape, NeuronBatch

TIE = 1e-6  # of a threshold: what is nearer lies on it, but for float32's rounding


class AdderBatch(Batch):
    """Sends the sums themselves, integer or float; they are its potential as well."""

    def __init__(self) -> None:
        self.states = {}

    def advance(self, current: torch.Tensor, trace: torch.Tensor | None) -> torch.Tensor:
        """The sums [samples, ticks, neurons]."""
        self.states = {POTENTIAL: current[:, -1]}
        if trace is not None:
            trace.copy_(current)
        return current


class FloatBatch(NeuronBatch):
    """Advanced by the float normal form; a bias is added to v, beside the synaptic current.

    Its `peak` is the largest |v| that a register has to hold: how far v fell before a spike, and,
    where a reset leaves a part of it, how far it rose. A v that ends lower decides nothing. Its `ties`
    are the neuron-ticks with v on the threshold, but for rounding, where it fires there.
    """

    def __init__(self, neuron: FloatNeuron, bias: torch.Tensor | None, shape: BatchShape,
                 device: str) -> None:
        super().__init__(("u", "v"), bias, shape, torch.float64, device)
        self.neuron = neuron
        self.peak = abs(neuron.v_th)
        self._lowest = torch.zeros(shape, dtype=torch.float64, device=device)  # since a spike

    def _decay(self, state: torch.Tensor, share: float) -> torch.Tensor:
        """What a state keeps over a tick."""
        quantum = self.neuron.quantum
        if quantum is None:
            return share * state
        return torch.trunc(share * state / quantum) * quantum

    def _fires(self, v: torch.Tensor) -> torch.Tensor:
        return v > self.neuron.v_th if self.neuron.strict else v >= self.neuron.v_th

    def _keep_peak(self, v: torch.Tensor, spike: torch.Tensor) -> None:
        self._lowest = torch.minimum(self._lowest, v)
        depths = self._lowest[spike]
        if len(depths):
            rise = 0.0 if self.neuron.reset is Reset.HARD else float(v[spike].max())
            self.peak = max(self.peak, -float(depths.min()), rise)
            self._lowest = self._lowest.masked_fill(spike, 0.0)

    def integrate(self, current: torch.Tensor, last_spikes: torch.Tensor) -> torch.Tensor:
        """The potentials that a tick compares; `last_spikes`: which neurons spiked in the one before."""
        neuron = self.neuron
        u = current if neuron.alpha is None else (
            self._decay(self.states["u"], neuron.alpha) + current)
        v = self._decay(self.states["v"], neuron.decay) + (u if self.bias is None else u + self.bias)
        if neuron.reset is Reset.SOFT_DELAYED:
            v = v - last_spikes * neuron.v_th
        elif neuron.reset is Reset.HARD_DELAYED:
            v = v.masked_fill(last_spikes, 0.0)
        self.states = {"u": u, "v": v}
        return v

    def settle(self, spike: torch.Tensor) -> None:
        """Reset in the tick of a spike, where the neuron does."""
        v = self.states["v"]
        if self.neuron.reset is Reset.HARD:
            self.states["v"] = v.masked_fill(spike, 0.0)
        elif self.neuron.reset is Reset.SOFT:
            self.states["v"] = v - spike * self.neuron.v_th

    def _tick(self, current: torch.Tensor) -> torch.Tensor:
        v = self.integrate(current, self._fires(self.states["v"]))
        spike = self._fires(v)
        self._keep_peak(v, spike)
        if not self.neuron.strict:
            distance = (v - self.neuron.v_th).abs()
            self.ties += int((distance <= TIE * abs(self.neuron.v_th)).sum())
        self.settle(spike)
        return spike
