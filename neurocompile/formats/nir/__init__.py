"""NIR files in: every producer's dialect, checked, to a torch module."""
