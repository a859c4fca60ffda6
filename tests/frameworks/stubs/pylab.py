"""Empty: plotting is imported by sinabs and lava-dl, never used when a model runs."""
