"""Tests of lowering, from Graph to Network."""
