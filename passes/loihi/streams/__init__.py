"""Sums that several populations receive: duplicate synapses or adders."""
