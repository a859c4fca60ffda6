"""Finds neurons that are written by hand in exported programs and reads their equations."""
