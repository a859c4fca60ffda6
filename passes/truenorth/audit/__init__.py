"""Audit: a second reader of core networks."""
