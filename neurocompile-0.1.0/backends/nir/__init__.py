"""NIR files out."""
