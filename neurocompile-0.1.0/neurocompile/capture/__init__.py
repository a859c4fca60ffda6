"""Capture: from a PyTorch model, or a file, to a Graph."""
