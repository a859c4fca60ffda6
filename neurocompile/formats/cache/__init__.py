"""Captured Graphs, kept between runs: what a capture read, and what it gave."""
