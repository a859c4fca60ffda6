"""`python -m neurocompile`."""

from neurocompile.cli import main

main()
