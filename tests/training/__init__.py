"""Tests of the way back to PyTorch."""
