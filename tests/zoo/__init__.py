"""The zoo's networks, from capture to Lava."""
