"""Tests of quantization for TrueNorth."""
