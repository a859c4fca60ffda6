"""Passes: one pass a file, data flows one way."""
