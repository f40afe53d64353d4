"""Heatmaps of landmarks: rendering targets and decoding predictions.

Heatmaps are [B, H, W, K], one channel per landmark. Landmarks are [B, K, 2] as (x, y) in heatmap pixels; the centre of
the first pixel is (0, 0). All functions have static shapes and can be compiled.
"""

import chex
import jax
import jax.numpy as jnp
from jax import Array, lax


def rescale(landmarks: Array, from_size: int, to_size: int) -> Array:
    """Landmarks [..., 2] of a square image of `from_size` pixels, in pixels of the same image at `to_size` pixels.

    Pixel centres are at integers, so an image spans [-0.5, size - 0.5]. 3FabRec multiplies by to_size / from_size
    instead, an error of half a pixel of the larger image at a factor of two.

    >>> rescale(jnp.array([-0.5, 0.5]), 128, 64).tolist()
    [-0.5, 0.0]
    """
    return (landmarks + 0.5) * (to_size / from_size) - 0.5


# ---------------------------------------------------------------------------------------------------------- rendering


def render_gaussian(landmarks: Array, size: int, sigma: float) -> Array:
    """Gaussians with peak 1 at sub-pixel positions, without a window that cuts them off. Sec. 3.3, FASE.

    Args:
      landmarks: [B, K, 2], heatmap pixels; they may lie outside.
      size: height and width of the heatmaps.
      sigma: standard deviation, heatmap pixels.

    Returns:
      [B, size, size, K] float.

    >>> [f"{value:.3f}" for value in render_gaussian(jnp.array([[[2.0, 1.0]]]), 4, 1.0)[0, :, 2, 0]]
    ['0.607', '1.000', '0.607', '0.135']
    """
    chex.assert_rank(landmarks, 3)
    # exp(-((x - x_k)^2 + (y - y_k)^2) / (2 sigma^2)) is a product of a column and a row.
    distance = jnp.arange(size)[None, :, None, None] - landmarks[:, None]
    profile = jnp.exp(-jnp.square(distance) / (2 * sigma**2))
    return profile[:, :, None, :, 1] * profile[:, None, :, :, 0]


def fabrec_window(sigma: float) -> tuple[int, int]:
    """Width of 3FabRec's template and the index of its peak, which lies one pixel past the middle of an odd width.

    >>> fabrec_window(7)
    (35, 18)
    """
    width = int(5 * sigma)
    return width, (width + 1) // 2


def render_fabrec(landmarks: Array, size: int, sigma: float = 7.0) -> Array:
    """Targets of 3FabRec: a Gaussian template with peak 1, cut off at a square window and pasted at whole pixels.

    The window starts at int(position - width / 2), truncated towards zero. That rounds half up, except near the left
    and upper border, where the peak moves inward by up to one pixel (0 -> 1). Positions beyond the last pixel are moved
    onto it. A window wholly outside the image gives an empty map.

    Args:
      landmarks: [B, K, 2], heatmap pixels (3FabRec halves image coordinates: no half-pixel offset).
      size: height and width of the heatmaps.
      sigma: standard deviation, heatmap pixels.

    Returns:
      [B, size, size, K] float.

    >>> decode_argmax(render_fabrec(jnp.array([[[0.0, 19.4], [20.5, 99.0]]]), 32)).tolist()
    [[[1.0, 19.0], [21.0, 31.0]]]
    """
    chex.assert_rank(landmarks, 3)
    width, peak = fabrec_window(sigma)
    start = jnp.trunc(jnp.minimum(landmarks, size - 1) - width / 2)
    index = jnp.arange(size)[None, :, None, None] - start[:, None]  # pixel -> position in the template
    inside = (index >= 0) & (index < width)
    profile = jnp.where(inside, jnp.exp(-jnp.square(index - peak) / (2 * sigma**2)), 0)
    return profile[:, :, None, :, 1] * profile[:, None, :, :, 0]


# ----------------------------------------------------------------------------------------------------------- decoding


def box_mean(heatmaps: Array, window: int = 9) -> Array:
    """Mean over a `window` x `window` neighbourhood; pixels outside count as 0. [B, H, W, K] -> [B, H, W, K].

    >>> [f"{value:.3f}" for value in box_mean(jnp.ones((1, 4, 4, 1)), 3)[0, 0, :, 0]]
    ['0.444', '0.667', '0.667', '0.444']
    """
    chex.assert_rank(heatmaps, 4)
    if window % 2 == 0:
        raise ValueError(f"the window must have a middle: {window} is even")
    border = (window // 2, window // 2)
    rows = lax.reduce_window(heatmaps, 0.0, lax.add, (1, window, 1, 1), (1, 1, 1, 1), ((0, 0), border, (0, 0), (0, 0)))
    both = lax.reduce_window(rows, 0.0, lax.add, (1, 1, window, 1), (1, 1, 1, 1), ((0, 0), (0, 0), border, (0, 0)))
    return both / window**2


def confidence(heatmaps: Array) -> Array:
    """Highest value of each heatmap, clipped to [0, 1]. [B, H, W, K] -> [B, K].

    >>> confidence(jnp.array([0.2, 1.3]).reshape(1, 1, 1, 2)).round(1).tolist()[0][1]
    1.0
    """
    return jnp.clip(heatmaps.max((1, 2)), 0, 1)


def decode_argmax(heatmaps: Array) -> Array:
    """Position of the highest pixel; the first in row-major order of several equal ones. [B, H, W, K] -> [B, K, 2].

    >>> decode_argmax(render_gaussian(jnp.array([[[2.3, 0.6]]]), 4, 1.0)).tolist()
    [[[2.0, 1.0]]]
    """
    return _peak(heatmaps).astype(jnp.float32)


def decode_smoothed_argmax(heatmaps: Array, window: int = 9) -> Array:
    """Position of the highest pixel after a box mean; 3FabRec's is 9 x 9. [B, H, W, K] -> [B, K, 2] float."""
    return decode_argmax(box_mean(heatmaps, window))


def decode_quarter(heatmaps: Array) -> Array:
    """Highest pixel, moved along each axis by a quarter pixel to its higher neighbour. [B, H, W, K] -> [B, K, 2].

    A peak on the border, where a neighbour is missing, does not move along that axis.

    >>> decode_quarter(render_gaussian(jnp.array([[[2.3, 0.6]]]), 4, 1.0)).tolist()
    [[[2.25, 0.75]]]
    """
    peak = _peak(heatmaps)
    _, height, width, _ = heatmaps.shape
    patch = _patches(heatmaps, peak, 1, 0.0)  # [B, K, 3, 3]
    slope = jnp.stack([patch[..., 1, 2] - patch[..., 1, 0], patch[..., 2, 1] - patch[..., 0, 1]], axis=-1)
    inner = (peak > 0) & (peak < jnp.array([width - 1, height - 1])[None, None])
    return peak + jnp.where(inner, jnp.sign(slope).astype(jnp.float32) / 4, 0)


def decode_local_soft_argmax(heatmaps: Array, radius: int, temperature: float | None = None, steps: int = 3) -> Array:
    """Mean position of the weights in a square window around the peak.

    The window of half-width `radius` + 1/2 starts centred on the highest pixel and is moved to its own mean `steps`
    times. It then cuts a symmetric blob symmetrically, whereas a fixed window pulls the mean towards the pixel. Pixels
    at its border count with the fraction that is inside, which keeps the position continuous.

    A radius of two sigma finds a Gaussian within 0.01 px; one and a half sigma (0.02 px) is better in noise. Closer to
    the image's border than the radius, part of the blob is missing and the mean lies too far inside, by up to 0.8 sigma
    for a landmark on the border itself.

    Args:
      heatmaps: [B, H, W, K].
      radius: pixels.
      temperature: with None the weights are the heatmap's values (negative values count as 0), for models trained with
        the squared error; with a number they are exp(heatmap / temperature), for logits.
      steps: number of moves of the window.

    Returns:
      [B, K, 2]; differentiable except for the choice of the highest pixel, which is the result if no weight is
      positive.
    """
    chex.assert_rank(heatmaps, 4)
    peak = _peak(heatmaps)
    # The patches are one pixel larger on every side, because the window may move by one.
    offsets = jnp.arange(-radius - 1, radius + 2, dtype=jnp.float32)
    values = _patches(heatmaps, peak, radius + 1, 0.0 if temperature is None else -jnp.inf).astype(jnp.float32)
    if temperature is None:
        weights = jnp.clip(values, min=0)
    else:
        weights = jnp.exp((values - lax.stop_gradient(values.max((2, 3), keepdims=True))) / temperature)
    shift = jnp.zeros(peak.shape, jnp.float32)
    for _ in range(steps + 1):
        centre = jnp.clip(shift, -1, 1)[..., None]
        inside = jnp.clip(radius + 1 - jnp.abs(offsets[None, None, None] - centre), 0, 1)  # [B, K, xy, 2 radius + 3]
        shift = _mean_offset(weights, inside[:, :, 0], inside[:, :, 1], offsets)
    return peak + shift


def _mean_offset(weights: Array, inside_x: Array, inside_y: Array, offsets: Array) -> Array:
    """Mean of (x, y) offsets under weights [B, K, P, P] times inside_y [B, K, P] times inside_x [B, K, P]."""
    weights = weights * inside_y[..., :, None] * inside_x[..., None, :]
    total = weights.sum((2, 3))
    moments = jnp.stack([(weights.sum(axis) * offsets[None, None]).sum(-1) for axis in (2, 3)], axis=-1)
    return moments / jnp.where(total == 0, 1, total)[..., None]


def spatial_softmax(logits: Array) -> Array:
    """Softmax over the positions of each channel: [B, H, W, K] -> probabilities [B, H, W, K] in float32.

    >>> spatial_softmax(jnp.zeros((1, 2, 2, 1))).ravel().tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    chex.assert_rank(logits, 4)
    return jax.nn.softmax(logits.astype(jnp.float32), axis=(1, 2))


def soft_argmax(logits: Array) -> Array:
    """Mean position under the softmax of the whole map. [B, H, W, K] -> [B, K, 2], differentiable.

    It is sub-pixel, but probability away from the peak pulls it towards the centre of the image.

    >>> soft_argmax(jnp.zeros((1, 4, 6, 1))).tolist()
    [[[2.5, 1.5]]]
    """
    probabilities = spatial_softmax(logits)
    _, height, width, _ = logits.shape
    x = jnp.einsum("bwk,w->bk", probabilities.sum(1), jnp.arange(width, dtype=jnp.float32))
    y = jnp.einsum("bhk,h->bk", probabilities.sum(2), jnp.arange(height, dtype=jnp.float32))
    return jnp.stack([x, y], axis=-1)


def _peak(heatmaps: Array) -> Array:
    """Highest pixel (x, y), [B, K, 2] int32. On a CPU, row maxima first are 3 times as fast as flattening."""
    chex.assert_rank(heatmaps, 4)
    y = heatmaps.max(2).argmax(1)
    row = jnp.take_along_axis(heatmaps, y[:, None, None, :], axis=1)[:, 0]
    return jnp.stack([row.argmax(1), y], axis=-1)


def _patches(heatmaps: Array, centres: Array, radius: int, fill: float) -> Array:
    """Squares [B, K, P, P], P = 2 radius + 1, around the whole-pixel centre [B, K, 2] of each channel."""
    border = (radius, radius)
    padded = jnp.pad(heatmaps, ((0, 0), border, border, (0, 0)), constant_values=fill)
    width = 2 * radius + 1

    def cut(heatmap: Array, centre: Array) -> Array:
        return lax.dynamic_slice(heatmap, (centre[1], centre[0]), (width, width))

    return jax.vmap(jax.vmap(cut, in_axes=(2, 0)))(padded, centres)
