"""Executable specifications of every neuron model, in plain Python numbers: slow and obvious."""
