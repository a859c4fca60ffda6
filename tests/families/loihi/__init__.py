"""Tests of the family Loihi."""
