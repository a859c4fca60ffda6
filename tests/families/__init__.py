"""Tests of whole compilations, by family."""
