"""neurocompile: trained PyTorch spiking networks on neuromorphic chips, exact to the spike."""

__version__ = "0.1.0"
