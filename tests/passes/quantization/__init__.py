"""Tests of quantizing for any family."""
