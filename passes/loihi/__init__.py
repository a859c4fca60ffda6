"""The passes for Loihi alone."""
