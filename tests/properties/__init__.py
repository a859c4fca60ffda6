"""Random networks and the laws that hold for them."""
