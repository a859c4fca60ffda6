"""Backends: what writes and runs deployed networks."""
