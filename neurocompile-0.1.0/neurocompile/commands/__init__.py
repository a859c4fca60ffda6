"""The commands of the command line; each module imports what it runs only when it runs."""
