"""Tests of target files."""
