"""Peers to be timed against; imported by benchmark commands only."""
