"""The rules of the house, checked on the source: `python -m tests.house`, a part of `make lint`."""
