"""Tests of neurocompile, in the rooms of the package."""
