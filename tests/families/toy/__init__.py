"""A family of chips that the package does not know, in one file, with its target beside it."""
