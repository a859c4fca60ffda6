"""Tests of the Lava program and of `.net` files written for Loihi."""
