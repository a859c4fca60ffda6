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
from neurocompile.capture.adapters.base import Adapter

ADAPTERS: tuple[Adapter, ...] = (
    declared.ADAPTER, spikingjelly.ADAPTER, snntorch.ADAPTER, norse.ADAPTER, sinabs.ADAPTER,
    rockpool.ADAPTER, slayer.ADAPTER)
