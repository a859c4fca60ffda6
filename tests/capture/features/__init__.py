"""One small network per feature of users' code."""
