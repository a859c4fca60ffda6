"""From a Graph to a float Network: affine forms, op by op."""
