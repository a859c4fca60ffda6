"""Legality: which operations of a Graph can run event-driven, proved by spike types."""
