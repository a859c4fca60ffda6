"""Tests of the representations."""
