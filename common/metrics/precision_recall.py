"""Improved precision and recall: the share of features that lie on another set's manifold (Kynkaanniemi et al., 2019).

Distances are computed in tiles, so that memory never holds all 50,000 x 50,000 of them. With 4,096 features a tile
needs less than 1 GiB.
"""

import functools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import ArrayLike

from common.errors import InputError

CHUNK = 4096
"""Number of rows and of columns of a tile of distances."""


class PrecisionRecall(NamedTuple):
    """Precision and recall, shares in [0, 1]; 1 is best."""

    precision: float
    """Share of generated images that look real."""
    recall: float
    """Share of real images that could have been generated."""


def precision_recall(
    real: ArrayLike, generated: ArrayLike, k: int = 3, *, stylegan2_ada: bool = False, chunk: int = CHUNK
) -> PrecisionRecall:
    """Precision and recall of generated images.

    Args:
      real: [N, D], features of real images, float32.
      generated: [N', D], features of generated images, float32.
      k: the manifold of a set is the union of balls around its samples; each ball reaches to the k-th nearest other
        sample.
      stylegan2_ada: whether to round features, radii and distances to float16 like StyleGAN2-ADA, whose numbers the
        thesis reports; the result changes by a few samples per thousand.
      chunk: number of rows and of columns of a tile of distances.

    Raises:
      InputError: a set has no more than k samples.

    >>> line = np.arange(8.0)[:, None]
    >>> precision_recall(line, line[:4] + 100)
    PrecisionRecall(precision=0.0, recall=0.0)
    >>> precision_recall(line, line[:4] + 3.5)
    PrecisionRecall(precision=1.0, recall=0.875)
    """
    options = dict(stylegan2_ada=stylegan2_ada, chunk=chunk)
    radii_real, radii_generated = (kth_radii(features, k, **options) for features in (real, generated))
    return PrecisionRecall(
        precision=coverage(generated, real, radii_real, **options),
        recall=coverage(real, generated, radii_generated, **options),
    )


def kth_radii(features: ArrayLike, k: int = 3, *, stylegan2_ada: bool = False, chunk: int = CHUNK) -> np.ndarray:
    """Distance of each sample to its k-th nearest other sample: [N, D] -> [N], float32.

    >>> kth_radii([[0.0], [1.0], [3.0], [7.0]], k=2).tolist()
    [3.0, 2.0, 3.0, 6.0]
    """
    features = _features(features)
    if len(features) <= k:
        raise InputError(f"{len(features)} samples have no {k} nearest others each: take more images")
    shift = _centre(features)
    radii = []
    for rows in _tiles(features, chunk):
        nearest = jnp.full((len(rows), k + 1), jnp.inf)  # k others and the sample itself, at distance 0
        for columns in _tiles(features, chunk):
            nearest = _nearest(nearest, rows, columns, shift, stylegan2_ada)
        radii.append(np.asarray(nearest[:, -1]))
    return np.concatenate(radii)


def coverage(
    probes: ArrayLike, manifold: ArrayLike, radii: ArrayLike, *, stylegan2_ada: bool = False, chunk: int = CHUNK
) -> float:
    """Share of the probes that lie in, or on the surface of, any ball of the manifold.

    Args:
      probes: [N', D].
      manifold: [N, D], centres of the balls.
      radii: [N], from `kth_radii(manifold)`.

    >>> coverage([[0.5], [2.0], [9.0]], [[0.0], [3.0]], [1.0, 1.0]) == 2 / 3
    True
    """
    probes, manifold, radii = _features(probes), _features(manifold), np.asarray(radii, np.float32)
    chex.assert_equal_shape([probes[0], manifold[0]])
    chex.assert_shape(radii, manifold.shape[:1])
    shift = _centre(manifold)
    covered = 0
    for rows in _tiles(probes, chunk):
        inside = jnp.zeros(len(rows), bool)
        for columns, radius in zip(_tiles(manifold, chunk), _tiles(radii, chunk), strict=True):
            inside |= _covered(rows, columns, radius, shift, stylegan2_ada)
        covered += int(inside.sum())
    return covered / len(probes)


@functools.partial(jax.jit, static_argnames="half")
def _nearest(nearest: Array, rows: Array, columns: Array, shift: Array, half: bool) -> Array:
    """Smallest distances per row, sorted, with the distances to `columns` added: [R, k + 1] -> [R, k + 1]."""
    candidates = jnp.concatenate([nearest, _distances(rows, columns, shift, half)], axis=1)
    return -lax.top_k(-candidates, nearest.shape[1])[0]


@functools.partial(jax.jit, static_argnames="half")
def _covered(rows: Array, columns: Array, radii: Array, shift: Array, half: bool) -> Array:
    """Whether each row [R, D] lies in one of the balls around the columns [C, D] with radii [C]: bool [R]."""
    return (_distances(rows, columns, shift, half) <= radii[None]).any(1)


def _distances(rows: Array, columns: Array, shift: Array, half: bool) -> Array:
    """Distances [R, D], [C, D] -> [R, C]. Subtracting `shift` [D] shortens the vectors, so that fewer digits cancel."""
    rows, columns = ((_half(x) if half else x) - shift[None] for x in (rows, columns))
    # ||x - y||^2 = ||x||^2 + ||y||^2 - 2 x . y
    lengths = jnp.square(rows).sum(1)[:, None] + jnp.square(columns).sum(1)[None]
    products = jnp.matmul(rows, columns.T, precision="highest")
    distances = jnp.sqrt(jnp.maximum(lengths - 2 * products, 0))
    return _half(distances) if half else distances


def _half(x: Array) -> Array:
    """Values rounded to float16 but kept as float32, which sorts faster."""
    return lax.reduce_precision(x, exponent_bits=5, mantissa_bits=10)


def _features(features: ArrayLike) -> np.ndarray:
    features = np.asarray(features, np.float32)
    chex.assert_rank(features, 2)
    return features


def _centre(features: np.ndarray) -> np.ndarray:
    return features.mean(0, dtype=np.float64).astype(np.float32)


def _tiles(rows: np.ndarray, chunk: int) -> list[np.ndarray]:
    return [rows[start : start + chunk] for start in range(0, len(rows), chunk)]
