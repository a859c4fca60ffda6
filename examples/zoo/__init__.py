"""Spiking architectures of the literature, with the verdict that `neurocompile check` must give."""
