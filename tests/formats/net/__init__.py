"""Tests of lava-dl's `.net` files."""
