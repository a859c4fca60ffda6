"""Tests of programs of torch.export."""
