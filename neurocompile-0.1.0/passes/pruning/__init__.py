"""Dropping tokens and ticks (DSTSP)."""
