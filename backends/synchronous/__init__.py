"""The synchronous reference: the integer network, exactly, on CPU or GPU."""
