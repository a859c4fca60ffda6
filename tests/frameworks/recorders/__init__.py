"""One module per framework: `cases()` runs its classes and returns golden vectors."""
