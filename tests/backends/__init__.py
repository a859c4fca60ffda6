"""Tests of what writes and runs programs."""
