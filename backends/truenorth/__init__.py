"""TrueNorth: the core network's file, its simulator, and RANC's JSON."""
