"""Tests of adders."""
