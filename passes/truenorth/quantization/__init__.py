"""Quantization for TrueNorth: thresholds and weights in whole numbers, a scale for each neuron."""
