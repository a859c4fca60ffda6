"""Tests of quantization for Loihi."""
