"""Empty: imported by name, never used by model code."""
