"""Tests of capture, and the networks that many tests share."""
