"""Pooling to a given size."""

import jax.numpy as jnp
import numpy as np
from jax import Array


def _bins(size: int, bins: int) -> np.ndarray:
    """[bins, size]: row i averages pixels floor(i size / bins) to ceil((i + 1) size / bins) - 1."""
    weights = np.zeros((bins, size), np.float32)
    for i in range(bins):
        start, stop = i * size // bins, -(-(i + 1) * size // bins)
        weights[i, start:stop] = 1 / (stop - start)
    return weights


def adaptive_average_pool(x: Array, size: int) -> Array:
    """Averages over a grid of `size` x `size` bins, which overlap where the side is no multiple: [B, H, W, C] ->
    [B, size, size, C]."""
    rows, columns = jnp.asarray(_bins(x.shape[1], size), x.dtype), jnp.asarray(_bins(x.shape[2], size), x.dtype)
    return jnp.einsum("ih,jw,bhwc->bijc", rows, columns, x)
