"""Tests of Loihi's own passes."""
