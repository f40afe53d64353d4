"""Pure functions on arrays: convolution, resampling, heatmaps, warps."""
