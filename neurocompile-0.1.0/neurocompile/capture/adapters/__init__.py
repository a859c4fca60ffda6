"""Adapters: one file a framework; which of its classes compute which neuron profile."""

from neurocompile.capture.adapters import (
    declared,
    norse,
    rockpool,
    sinabs,
    slayer,
    snntorch,
    spikingjelly,
)

ADAPTERS = (declared, spikingjelly, snntorch, norse, sinabs, rockpool, slayer)
