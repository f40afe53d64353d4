"""Pure functions on arrays: convolution, resampling, resizing, pooling, blur, warps, heatmaps, pixels, similarity."""
