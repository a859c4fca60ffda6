"""Intermediate representations: the Graph (ONNX), linear operators, the Network."""
