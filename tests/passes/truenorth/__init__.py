"""Tests of TrueNorth's legalization."""
