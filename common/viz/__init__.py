"""Overlays, grids and curves."""
