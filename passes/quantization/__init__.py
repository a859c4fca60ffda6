"""What quantizing for any family rests on: sums of synapses, and currents that the host computes."""
