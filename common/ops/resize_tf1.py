"""The bilinear resize of TensorFlow 1, in which the published Inception features of FID were defined."""

import jax.numpy as jnp
import numpy as np
from jax import Array


def resize_tf1(images: Array, size: tuple[int, int]) -> Array:
    """Bilinear without half-pixel centres: output pixel i reads at i * in / out, so the picture shifts to the top left.

    Not antialiased. Beyond the last pixel its value is repeated.

    Args:
      images: [B, H, W, C], float.
      size: (height, width) of the result.

    Returns:
      [B, *size, C]; the input where `size` is its size.

    Raises:
      ValueError: images of another rank or of an integer type.
    """
    if images.ndim != 4 or not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(f"images must be [B, H, W, C] of a float type, not {images.dtype} {images.shape}")
    return _resize_axis(_resize_axis(images, 2, size[1]), 1, size[0])


def _resize_axis(x: Array, axis: int, length: int) -> Array:
    count = x.shape[axis]
    # y[i] = x[l] + (s - l) (x[min(l + 1, n - 1)] - x[l]),  s = i n / m,  l = floor(s); float32 as the original
    position = np.arange(length, dtype=np.float32) * np.float32(count / length)
    low = np.minimum(np.floor(position), count - 1)
    fraction = jnp.asarray(position - low, x.dtype).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    first, second = (jnp.take(x, index.astype(np.int32), axis) for index in (low, np.minimum(low + 1, count - 1)))
    return first + fraction * (second - first)
