"""Adapters: one file a framework; which of its classes compute which neuron profile."""

from neurocompile.capture.adapters import norse, rockpool, sinabs, slayer, snntorch, spikingjelly

ADAPTERS = (spikingjelly, snntorch, norse, sinabs, rockpool, slayer)
