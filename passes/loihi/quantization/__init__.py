"""From a float Network to a chip's integers, overflow excluded."""
