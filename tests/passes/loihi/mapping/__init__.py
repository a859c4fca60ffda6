"""Tests of the partition and what it rests on."""
