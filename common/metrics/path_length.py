"""Perceptual path length: how much images change with latents (Karras et al., 2019, 2020; Sec. 4.2.1, thesis)."""

from collections.abc import Callable
from typing import Literal

import chex
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from common.ops.pool import box_downsample
from common.ops.similarity import unit_vectors

MAX_SIZE = 256
"""Largest side of the compared images, pixels; larger images are averaged down first."""


def path_lengths(
    z0: Array,
    z1: Array,
    t: Array,
    mapping: Callable[[Array], Array],
    synthesis: Callable[[Array], Array],
    distance: Callable[[Array, Array], Array],
    *,
    space: Literal["w", "z"] = "w",
    epsilon: float = 1e-4,
    crop: bool = False,
) -> Array:
    """Path length at one point of the path between each pair of latents; the PPL is `trimmed_mean` of 50,000 of them.

    The thesis reports the PPL of StyleGAN2-ADA's defaults: space W, path ends, no crop, no truncation.

    Args:
      z0: [B, z_dim], standard normal, start of each path.
      z1: [B, z_dim], end of each path.
      t: [B], position along the path: zeros ("end") or uniform in [0, 1] ("full").
      mapping: z [B, z_dim] -> ws [B, num_ws, w_dim], with labels and truncation built in if there are any.
      synthesis: ws -> images [B, H, W, C] in about [-1, 1]. It is called twice and must use the same noise both times,
        from stored maps or a fixed key. StyleGAN2-ADA draws new maps per batch.
      distance: two batches of images in [-1, 1] -> [B], for example LPIPS, without resizing.
      space: 'w' interpolates ws linearly, 'z' interpolates latents on the sphere.
      epsilon: step along the path.
      crop: whether to compare only the part that a centred face covers (`face_crop`).

    Returns:
      [B], distances divided by epsilon^2.

    >>> identity, squares = lambda z: z[:, None], lambda a, b: jnp.square(a - b).sum((1, 2, 3))
    >>> images = lambda ws: jnp.broadcast_to(ws[..., None], (len(ws), 8, 8, 1))
    >>> t = jnp.zeros(1)
    >>> path_lengths(jnp.zeros((1, 1)), jnp.ones((1, 1)), t, identity, images, squares, epsilon=0.5).tolist()
    [64.0]
    """
    chex.assert_equal_shape([z0, z1])
    chex.assert_shape(t, z0.shape[:1])
    if space == "w":
        ws0, ws1 = mapping(z0), mapping(z1)
        pair = [lerp(ws0, ws1, time) for time in (t, t + epsilon)]
    elif space == "z":
        pair = [mapping(slerp(z0, z1, time)) for time in (t, t + epsilon)]
    else:
        raise ValueError(f"latents are interpolated in 'w' or 'z', not in {space!r}")
    first, second = (_compared(synthesis(ws), crop) for ws in pair)
    # d(G(l(t)), G(l(t + epsilon))) / epsilon^2
    return distance(first, second) / epsilon**2


def lerp(a: Array, b: Array, t: Array) -> Array:
    """Linear interpolation a + t (b - a): [B, ...], [B, ...], t [B] -> [B, ...].

    >>> lerp(jnp.array([[0.0, 2.0]]), jnp.array([[4.0, 2.0]]), jnp.array([0.25])).tolist()
    [[1.0, 2.0]]
    """
    chex.assert_equal_shape([a, b])
    return a + t.reshape(-1, *[1] * (a.ndim - 1)) * (b - a)


def slerp(a: Array, b: Array, t: Array) -> Array:
    """Interpolation on the great circle from a/|a| to b/|b|: [B, D], [B, D], t [B] -> unit vectors [B, D].

    >>> [f"{x:.4f}" for x in slerp(jnp.array([[2.0, 0.0]]), jnp.array([[0.0, 5.0]]), jnp.array([1 / 3]))[0]]
    ['0.8660', '0.5000']
    """
    chex.assert_equal_shape([a, b])
    a, b = unit_vectors(a), unit_vectors(b)
    cos = (a * b).sum(-1, keepdims=True)
    # a cos(t w) + c sin(t w), with w the angle and c the direction of b that is orthogonal to a
    angle = t[:, None] * jnp.arccos(jnp.clip(cos, -1, 1))
    return unit_vectors(a * jnp.cos(angle) + unit_vectors(b - cos * a) * jnp.sin(angle))


def face_crop(images: Array) -> Array:
    """Part of an image that a centred face covers: rows 3/8 to 7/8, columns 2/8 to 6/8.

    [B, R, R, C] -> [B, R / 2, R / 2, C].

    >>> face_crop(jnp.zeros((1, 64, 64, 3))).shape
    (1, 32, 32, 3)
    """
    chex.assert_rank(images, 4)
    chex.assert_equal(*images.shape[1:3])
    eighth = images.shape[1] // 8
    return images[:, 3 * eighth : 7 * eighth, 2 * eighth : 6 * eighth]


def trimmed_mean(lengths: ArrayLike, low: float = 1.0, high: float = 99.0) -> float:
    """Mean of the lengths [N] between two percentiles, each rounded outwards to a length that occurs.

    >>> trimmed_mean([-1000.0, 1.0, 2.0, 3.0, 1000.0], low=30, high=70)  # positions 1.2 and 2.8, rounded to 1 and 3
    2.0
    """
    lengths = np.asarray(lengths, np.float64)
    chex.assert_rank(lengths, 1)
    lowest, highest = np.percentile(lengths, low, method="lower"), np.percentile(lengths, high, method="higher")
    return float(lengths[(lengths >= lowest) & (lengths <= highest)].mean())


def best_and_worst(lengths: ArrayLike, share: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the shortest paths (shortest first) and of the longest paths (longest first).

    Lengths [N] -> two int arrays [round(share N)]. The thesis shows their images (Fig. 4.2, 4.7).

    >>> best, worst = best_and_worst([5.0, 1.0, 9.0, 4.0], share=0.5)
    >>> best.tolist(), worst.tolist()
    ([1, 3], [2, 0])
    """
    order = np.argsort(np.asarray(lengths), kind="stable")
    count = round(share * len(order))
    return order[:count], order[::-1][:count]


def _compared(images: Array, crop: bool) -> Array:
    """Images that `distance` compares. The whole image decides the factor, so a crop has at most half of MAX_SIZE."""
    factor = max(images.shape[1] // MAX_SIZE, 1)
    return box_downsample(face_crop(images) if crop else images, factor)
