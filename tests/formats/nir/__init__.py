"""Tests of NIR files."""
