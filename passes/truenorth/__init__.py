"""TrueNorth: from an integer Network to a core network, exact to the spike."""
