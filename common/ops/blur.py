"""Gaussian blur with a separate width per image of a batch."""

import jax
import jax.numpy as jnp
from jax import Array


def gaussian_blur(images: Array, sigma: Array, radius: int) -> Array:
    """Blurs each image with its own sigma; beyond the border the edge pixels are repeated.

    It is written as shifts and sums, because dm_pix's per-image kernels become a grouped convolution, which is slow on
    CPUs.

    Args:
      images: [B, H, W, C], float.
      sigma: [B], pixels; an image with 0 is unchanged.
      radius: half-width of the kernel, pixels.

    Returns:
      [B, H, W, C].
    """
    offset = jnp.arange(radius + 1)
    # g(d) = exp(-d^2 / (2 sigma^2)), normalised over -radius..radius; sigma = 0 gives exactly 1 at d = 0
    kernel = jnp.exp(-((offset[None, :] / jnp.maximum(sigma, 1e-3)[:, None]) ** 2) / 2)
    kernel = kernel / (2 * kernel.sum(1, keepdims=True) - 1)
    # Both passes work on rows of width * channels numbers, so that the vectorised axis is long.
    batch, height, width, channels = images.shape
    rows = _weighted_shifts(images.reshape(batch, height, width * channels), kernel, axis=1, step=1)
    return _weighted_shifts(rows, kernel, axis=2, step=channels).reshape(images.shape)


def _weighted_shifts(x: Array, kernel: Array, axis: int, step: int) -> Array:
    """Sum over d of kernel[:, |d|] * (x shifted by d * step), ends repeated. x [B, M, N], kernel [B, radius + 1]."""
    radius, length = kernel.shape[1] - 1, x.shape[axis]
    first = jax.lax.slice_in_dim(x, 0, step, axis=axis)
    last = jax.lax.slice_in_dim(x, length - step, length, axis=axis)
    padded = jnp.concatenate([first] * radius + [x] + [last] * radius, axis)

    def shifted(d):
        return jax.lax.slice_in_dim(padded, (radius + d) * step, (radius + d) * step + length, axis=axis)

    total = kernel[:, :1, None] * x
    for d in range(1, radius + 1):
        total += kernel[:, d : d + 1, None] * (shifted(d) + shifted(-d))
    return total
