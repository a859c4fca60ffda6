"""Builds: one folder with a program, its reports, and the manifest that says what it came from."""
