"""What quantizing for any family rests on: sums of synapses, currents that the host computes."""
