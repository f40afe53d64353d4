"""Affine maps of pixel coordinates, and bilinear sampling of images.

A matrix [..., 2, 3] sends a point (x, y) to `matrix[..., :2] @ (x, y) + matrix[..., 2]`. Coordinates are pixels with
the centre of the first pixel at (0, 0), so the centre of an image of `size` pixels is at (size - 1) / 2. Everything is
elementwise instead of a matrix product, because accelerators round the inputs of products to bfloat16, which is an
error of half a pixel at 256 px.
"""

import chex
import jax
import jax.numpy as jnp
from jax import Array, lax


def rotation_scale_translation(
    angle: Array, scale: Array, translation: Array, center_in: float, center_out: float
) -> Array:
    """Matrix of the map p -> R(angle) diag(scale) (p - center_in) + center_out + translation.

    Args:
      angle: [...], radians; positive turns x towards y, which is clockwise on the screen.
      scale: [..., 2], factors along the x and y axis of the input; a negative factor mirrors.
      translation: [..., 2], pixels of the output.
      center_in: x and y of the centre of the rotation, pixels of the input.
      center_out: x and y to which the centre is moved, pixels of the output; the translation is added to it.

    Returns:
      [..., 2, 3], input -> output.
    """
    chex.assert_equal_shape([scale, translation])
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    x_scale, y_scale = scale[..., 0], scale[..., 1]
    linear = _stack([[cos * x_scale, -sin * y_scale], [sin * x_scale, cos * y_scale]])
    offset = center_out + translation - linear.sum(-1) * center_in
    return jnp.concatenate([linear, offset[..., None]], -1)


def compose(outer: Array, inner: Array) -> Array:
    """Matrix of the map that applies `inner` first, then `outer`. [..., 2, 3], [..., 2, 3] -> [..., 2, 3]."""
    chex.assert_equal_shape([outer, inner])
    a, b = outer[..., :2], inner
    # (outer o inner)(p) = A_o (A_i p + t_i) + t_o
    product = a[..., :, :1] * b[..., :1, :] + a[..., :, 1:] * b[..., 1:, :]
    return product.at[..., 2].add(outer[..., 2])


def invert(matrix: Array) -> Array:
    """Matrix of the inverse map, [..., 2, 3] -> [..., 2, 3]; infinite where the map is singular."""
    (a, b, t), (c, d, u) = ([matrix[..., row, column] for column in range(3)] for row in range(2))
    determinant = a * d - b * c
    a, b, c, d = d / determinant, -b / determinant, -c / determinant, a / determinant
    return _stack([[a, b, -(a * t + b * u)], [c, d, -(c * t + d * u)]])


def apply_to_points(matrix: Array, points: Array) -> Array:
    """Points after a map: `matrix` [..., 2, 3], `points` [..., N, 2] as (x, y) -> [..., N, 2]."""
    chex.assert_equal_shape_prefix([matrix, points], matrix.ndim - 2)
    x, y = points[..., :1], points[..., 1:]
    return matrix[..., None, :, 0] * x + matrix[..., None, :, 1] * y + matrix[..., None, :, 2]


def sample(images: Array, matrix: Array, size: int, fill: float = 0.0) -> Array:
    """Images resampled bilinearly by an affine map, without antialiasing: meant for scales near 1.

    Args:
      images: [B, H, W, C], float.
      matrix: [B, 2, 3], output pixel -> input pixel (the inverse of the map that is applied to landmarks).
      size: side of the square output, pixels.
      fill: value outside the image; the transition to it is linear over one pixel.

    Returns:
      [B, size, size, C]; bit-identical to the input where the map hits pixel centres.
    """
    chex.assert_rank(images, 4)
    batch, height, width, channels = images.shape
    chex.assert_shape(matrix, (batch, 2, 3))
    # Coordinates outside are clipped onto a border of `fill`, so that no index needs a test.
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=fill)
    pixels = padded.reshape(batch, (height + 2) * (width + 2), channels)
    grid = jnp.arange(size, dtype=jnp.float32)
    rows = matrix[:, :, None, None, :]
    coordinates = rows[..., 0] * grid[None, None, None, :] + rows[..., 1] * grid[None, None, :, None] + rows[..., 2]
    x, left = _cell(coordinates[:, 0].reshape(batch, size * size), width)
    y, top = _cell(coordinates[:, 1].reshape(batch, size * size), height)
    first = top * (width + 2) + left

    # One gather of whole pixels per corner, batched by vmap so that a batch sharded over devices is not moved.
    gather = jax.vmap(lambda image, index: image.at[index].get(mode="promise_in_bounds"))

    def corner(down, right):
        return gather(pixels, first + (down * (width + 2) + right))

    x, y = x[..., None], y[..., None]
    # f = (1-y) ((1-x) f00 + x f01) + y ((1-x) f10 + x f11); the weights are exactly 0 or 1 on pixel centres
    above = (1 - x) * corner(0, 0) + x * corner(0, 1)
    below = (1 - x) * corner(1, 0) + x * corner(1, 1)
    return ((1 - y) * above + y * below).reshape(batch, size, size, channels)


def sample_planes(planes: Array, x: Array, y: Array) -> Array:
    """Bilinear samples of channel planes at any positions. Outside they fall linearly to 0 over one pixel.

    Args:
      planes: [B, C, H, W], float; H and W of at least 2.
      x: [B, h, w], horizontal positions, pixels.
      y: [B, h, w], vertical positions, pixels.

    Returns:
      [B, C, h, w].
    """
    chex.assert_rank(planes, 4)
    chex.assert_equal_shape([x, y])
    batch, channels, height, width = planes.shape
    left, x_weights = _taps(x, width)
    top, y_weights = _taps(y, height)
    positions = (array.reshape(batch, -1) for array in (top, left))
    patches = lax.platform_dependent(planes, *positions, cpu=_windows, default=_corners)
    # f = sum_ij (1 - |y - i|)+ (1 - |x - j|)+ f_ij
    weights = (y_weights[i][:, None] * x_weights[j][:, None] for i in range(2) for j in range(2))
    return sum(w * patch.reshape(batch, channels, *x.shape[1:]) for w, patch in zip(weights, patches, strict=True))


def _windows(planes: Array, top: Array, left: Array) -> list[Array]:
    """Four arrays [B, C, n]: the 2 x 2 pixels at n positions, row by row. One gather of windows, for CPUs.

    Milliseconds of the forward pass / gradient with one gather and with four: 64 px, batch 16: 5 / 14 and 3 / 35;
    256 px, batch 4: 22 / 79 and 18 / 172.
    """
    channels = planes.shape[1]
    dimensions = lax.GatherDimensionNumbers(offset_dims=(0, 2, 3), collapsed_slice_dims=(), start_index_map=(1, 2))

    def gather(image, start):  # [C, H, W], [n, 2] -> [C, n, 2, 2]
        return lax.gather(image, start, dimensions, (channels, 2, 2), mode="promise_in_bounds")

    # Batched by vmap so that a batch sharded over devices is not moved.
    patches = jax.vmap(gather)(planes, jnp.stack([top, left], -1))
    return [patches[..., i, j] for i in range(2) for j in range(2)]


def _corners(planes: Array, top: Array, left: Array) -> list[Array]:
    """The arrays of `_windows` by four gathers of single pixels, for accelerators.

    On a TPU the gradient of a gather of windows is a loop over all positions, and windows are padded to its vectors:
    XLA plans 17 GiB and 57,000 million cycles for 16 images of 256 px, and 1.3 GiB and 21 million this way.
    """
    batch, channels, height, width = planes.shape
    pixels, first = planes.reshape(batch, channels, height * width), top * width + left
    gather = jax.vmap(lambda image, index: image.at[:, index].get(mode="promise_in_bounds"))
    return [gather(pixels, first + (i * width + j)) for i in range(2) for j in range(2)]


def _taps(coordinate: Array, length: int) -> tuple[Array, list[Array]]:
    """Index of the first of the two pixels around each coordinate, and the weights (1 - distance)+ of both."""
    first = jnp.clip(jnp.floor(coordinate), 0, length - 2)
    return first.astype(jnp.int32), [jnp.clip(1 - jnp.abs(coordinate - first - i), min=0) for i in range(2)]


def _cell(coordinate: Array, length: int) -> tuple[Array, Array]:
    """Fraction in [0, 1] and index of a coordinate's cell along an axis that was padded by one pixel at each end."""
    coordinate = jnp.clip(coordinate + 1, 0, length + 1)
    index = jnp.minimum(jnp.floor(coordinate), length)
    return coordinate - index, index.astype(jnp.int32)


def _stack(rows: list[list[Array]]) -> Array:
    return jnp.stack([jnp.stack(row, -1) for row in rows], -2)
