"""Perceptual path length: how far images move when latents do (Karras et al., 2019, 2020; Sec. 4.2.1, thesis)."""

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
"""Side in pixels of the largest images that are compared."""


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
    """Path length at one place of the path between each pair of latents; `trimmed_mean` of 50,000 of them is the PPL.

    The thesis' PPL is that of StyleGAN2-ADA's default: space W, path ends, no crop, no truncation.

    Args:
      z0: [B, z_dim], standard normal, where the paths start.
      z1: [B, z_dim], where they end.
      t: [B], place on the path: zeros ("end") or uniform in [0, 1] ("full").
      mapping: z [B, z_dim] -> ws [B, num_ws, w_dim], with labels and truncation, if any, closed over.
      synthesis: ws -> images [B, H, W, C] in about [-1, 1]. It is called twice and must give both images of a pair the
        same noise: stored maps, or a fixed key. StyleGAN2-ADA draws new maps once a batch.
      distance: images in [-1, 1], twice -> [B], LPIPS for example, without resizing.
      space: 'w' interpolates rows of ws linearly, 'z' latents on the sphere.
      epsilon: step along the path.
      crop: compare the part where a centred face is (`face_crop`).

    Returns:
      [B], distance over epsilon^2.

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
    """a + t (b - a), with [B, ...], [B, ...] and t [B].

    >>> lerp(jnp.array([[0.0, 2.0]]), jnp.array([[4.0, 2.0]]), jnp.array([0.25])).tolist()
    [[1.0, 2.0]]
    """
    chex.assert_equal_shape([a, b])
    return a + t.reshape(-1, *[1] * (a.ndim - 1)) * (b - a)


def slerp(a: Array, b: Array, t: Array) -> Array:
    """The great circle from a/|a| to b/|b|: [B, D], [B, D], t [B] -> unit vectors [B, D].

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
    """The part of a centred face that counts, half as wide and high: rows 3/8 to 7/8, columns 2/8 to 6/8.

    [B, R, R, C] -> [B, R / 2, R / 2, C].

    >>> face_crop(jnp.zeros((1, 64, 64, 3))).shape
    (1, 32, 32, 3)
    """
    chex.assert_rank(images, 4)
    chex.assert_equal(*images.shape[1:3])
    eighth = images.shape[1] // 8
    return images[:, 3 * eighth : 7 * eighth, 2 * eighth : 6 * eighth]


def trimmed_mean(lengths: ArrayLike, low: float = 1.0, high: float = 99.0) -> float:
    """Mean of the lengths [N] that lie between two percentiles, both rounded outwards to lengths that occur.

    >>> trimmed_mean([-1000.0, 1.0, 2.0, 3.0, 1000.0], low=30, high=70)  # the 1.2th and the 2.8th, counted from 0
    2.0
    """
    lengths = np.asarray(lengths, np.float64)
    chex.assert_rank(lengths, 1)
    lowest, highest = np.percentile(lengths, low, method="lower"), np.percentile(lengths, high, method="higher")
    return float(lengths[(lengths >= lowest) & (lengths <= highest)].mean())


def best_and_worst(lengths: ArrayLike, share: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the images with the shortest and the longest paths, the extreme ones first (Fig. 4.2, 4.7, thesis).

    [N] -> two int arrays [round(share N)].

    >>> best, worst = best_and_worst([5.0, 1.0, 9.0, 4.0], share=0.5)
    >>> best.tolist(), worst.tolist()
    ([1, 3], [2, 0])
    """
    order = np.argsort(np.asarray(lengths), kind="stable")
    count = round(share * len(order))
    return order[:count], order[::-1][:count]


def _compared(images: Array, crop: bool) -> Array:
    """What of an image the distance sees; the factor is that of the whole image, so a crop ends up at half the side."""
    factor = max(images.shape[1] // MAX_SIZE, 1)
    return box_downsample(face_crop(images) if crop else images, factor)
