"""Places of cores on chips, and the messages between them: for every family with a mesh."""
