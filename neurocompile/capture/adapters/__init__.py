"""Adapters: one file a framework; which of its classes compute which neuron profile."""

from neurocompile.capture.adapters import declared, snntorch, spikingjelly

ADAPTERS = (declared, spikingjelly, snntorch)
