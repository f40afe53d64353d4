"""Pictures: landmarks on images, grids, animations and curves."""
