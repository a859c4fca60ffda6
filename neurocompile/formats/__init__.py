"""Formats of files: each read and written in one place."""
