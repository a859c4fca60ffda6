"""Tests of the catalog of rules."""
