"""Adapters: one file a framework; which of its classes compute which neuron profile."""
