"""Tests of counting a core's memory."""
