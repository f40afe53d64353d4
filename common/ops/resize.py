"""Resizing of images and feature maps to any size without antialiasing, in the conventions of PyTorch and TensorFlow 1.

Every output pixel is a weighted sum of few input pixels along y, then along x. The weights depend on the sizes alone,
so resizing is two small matrix products, here in full precision on every backend. Their gradient is two products, too;
the gradient of a gather would be a scatter. `common.ops.pool.adaptive_average_pool` averages over areas instead.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array

CUBIC = -0.75
"""Parameter a of the cubic convolution kernel (Keys 1981) as in PyTorch and OpenCV; others take -0.5."""

Size = int | tuple[int, int]
"""(height, width), or the side of a square."""


def resize_bilinear(x: Array, size: Size, *, align_corners: bool = False) -> Array:
    """Bilinear interpolation, as `torch.nn.functional.interpolate(mode="bilinear")`.

    Args:
      x: [B, H, W, C], float.
      size: (height, width), or the side of a square.
      align_corners: whether the centres of the corner pixels coincide; otherwise the outer corners of the images do.

    Returns:
      [B, *size, C], of the dtype of `x`.
    """
    rows, columns = _pair(size)
    return _separable(
        x,
        _weights(_linear, _coordinates(x.shape[1], rows, align_corners).clip(min=0), x.shape[1]),
        _weights(_linear, _coordinates(x.shape[2], columns, align_corners).clip(min=0), x.shape[2]),
    )


def resize_bicubic(
    x: Array, size: Size, *, align_corners: bool = False, scale: tuple[float, float] | None = None
) -> Array:
    """Bicubic interpolation, as `torch.nn.functional.interpolate(mode="bicubic")`.

    Args:
      x: [B, H, W, C], float.
      size: (height, width), or the side of a square.
      align_corners: see `resize_bilinear`.
      scale: scale along y and along x, output over input; the ratio of the sizes when absent.

    Returns:
      [B, *size, C], of the dtype of `x`; it may overshoot the range of `x`.
    """
    (rows, columns), (y_scale, x_scale) = _pair(size), scale or (None, None)
    return _separable(
        x,
        _weights(_cubic, _coordinates(x.shape[1], rows, align_corners, y_scale), x.shape[1]),
        _weights(_cubic, _coordinates(x.shape[2], columns, align_corners, x_scale), x.shape[2]),
    )


def _pair(size: Size) -> tuple[int, int]:
    rows, columns = (size, size) if isinstance(size, int) else size
    if min(rows, columns) < 1:
        raise ValueError(f"an image cannot be resized to {rows} x {columns}")
    return rows, columns


def _coordinates(length: int, count: int, align_corners: bool, scale: float | None = None) -> np.ndarray:
    """Positions [count] of the output pixels in input pixels; the centre of the first pixel is 0."""
    if align_corners:
        return np.arange(count) * ((length - 1) / max(count - 1, 1))
    # (i + 1/2) / scale - 1/2
    return (np.arange(count) + 0.5) / (scale or count / length) - 0.5


def _weights(kernel: Callable[[np.ndarray], np.ndarray], coordinates: np.ndarray, length: int) -> np.ndarray:
    """Weights [count, length] of the kernel around every coordinate; beyond the border the border pixel is repeated."""
    first = np.floor(coordinates).astype(int)
    matrix = np.zeros((len(coordinates), length))
    for tap in (-1, 0, 1, 2):
        index = np.clip(first + tap, 0, length - 1)
        np.add.at(matrix, (np.arange(len(coordinates)), index), kernel(np.abs(coordinates - first - tap)))
    return matrix


def _linear(distance: np.ndarray) -> np.ndarray:
    return np.clip(1 - distance, 0, None)


def _cubic(d: np.ndarray) -> np.ndarray:
    # (a + 2) d^3 - (a + 3) d^2 + 1 up to 1, then a d^3 - 5 a d^2 + 8 a d - 4 a up to 2
    near = ((CUBIC + 2) * d - (CUBIC + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * CUBIC - 4 * CUBIC
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _separable(x: Array, rows: np.ndarray, columns: np.ndarray) -> Array:
    along_y = jnp.einsum("ih,bhwc->biwc", jnp.asarray(rows, x.dtype), x, precision="highest")
    return jnp.einsum("jw,biwc->bijc", jnp.asarray(columns, x.dtype), along_y, precision="highest")


def resize_tf1(images: Array, size: tuple[int, int]) -> Array:
    """Bilinear interpolation as in TensorFlow 1: output pixel i reads the input at position i * in / out.

    The centre of the first pixel stays in place, so the picture shifts to the top left. The last pixel is repeated.

    Args:
      images: [B, H, W, C], float.
      size: (height, width) of the result.

    Returns:
      [B, *size, C]; equal to the input if `size` is its size.

    Raises:
      ValueError: images of another rank or of an integer type.
    """
    if images.ndim != 4 or not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(f"images must be [B, H, W, C] of a float type, not {images.dtype} {images.shape}")
    return _resize_axis(_resize_axis(images, 2, size[1]), 1, size[0])


def _resize_axis(x: Array, axis: int, length: int) -> Array:
    count = x.shape[axis]
    # y[i] = x[l] + (s - l) (x[min(l + 1, n - 1)] - x[l]),  s = i n / m,  l = floor(s); in float32 like the original
    position = np.arange(length, dtype=np.float32) * np.float32(count / length)
    low = np.minimum(np.floor(position), count - 1)
    fraction = jnp.asarray(position - low, x.dtype).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    first, second = (jnp.take(x, index.astype(np.int32), axis) for index in (low, np.minimum(low + 1, count - 1)))
    return first + fraction * (second - first)
