"""Back to PyTorch: weights on a chip's grid as a state_dict, and training through the integers."""
