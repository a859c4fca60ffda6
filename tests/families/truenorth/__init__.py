"""Tests of the family TrueNorth."""
