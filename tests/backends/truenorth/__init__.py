"""Tests of TrueNorth's simulator, network file and RANC."""
