"""Families of chips: what compiling, quantizing, emitting and verifying is for each of them."""
