"""Which core holds which neurons, and who sends to whom."""
