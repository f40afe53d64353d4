"""Mean and scatter of features, accumulated batch by batch, so that memory never holds all features.

Each batch is reduced on the devices in float32. Batches are merged on the host in float64, because float32 is too
coarse for a sum over 50,000 images. Every reduction copies D^2 numbers to the host, so it is cheaper to reduce a few
thousand images at once than every small batch.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from common.errors import InputError


class Moments(NamedTuple):
    """Statistics of a set of features from which FID and the Mahalanobis distance are computed."""

    count: float | Array
    """Number of feature vectors N."""
    mean: np.ndarray | Array
    """[D], mean of the feature vectors."""
    scatter: np.ndarray | Array
    """[D, D], sum_i (x_i - mean) (x_i - mean)^T."""


def empty(dim: int) -> Moments:
    """Moments of an empty set of features with `dim` numbers each, the start of an accumulation.

    >>> merge(empty(1), feature_moments([[1.0], [3.0]])).mean.tolist()
    [2.0]
    """
    return Moments(0.0, np.zeros(dim), np.zeros((dim, dim)))


def feature_moments(features: ArrayLike) -> Moments:
    """Moments of features [N, D] on the host, in float64.

    >>> moments = feature_moments([[1.0, 0.0], [3.0, 4.0]])
    >>> moments.count, moments.mean.tolist(), moments.scatter.tolist()
    (2.0, [2.0, 2.0], [[2.0, 4.0], [4.0, 8.0]])
    """
    features = np.asarray(features, np.float64)
    chex.assert_rank(features, 2)
    mean = features.mean(0)
    centred = features - mean[None]
    return Moments(float(len(features)), mean, centred.T @ centred)


@jax.jit
def batch_moments(features: Array, valid: Array | None = None) -> Moments:
    """Moments of one batch in float32, for `merge`. The batch may be sharded over devices; jit adds the reduction.

    Args:
      features: [B, D], float.
      valid: [B], non-zero for rows that count, zero for the padding of an incomplete batch; all rows count when
        absent. Padding rows are ignored even if they are NaN.

    >>> moments = batch_moments(jnp.array([[1.0], [3.0], [jnp.nan]]), jnp.array([1, 1, 0]))
    >>> moments.count.item(), moments.mean.tolist(), moments.scatter.tolist()
    (2.0, [2.0], [[2.0]])
    """
    chex.assert_rank(features, 2)
    counts = jnp.ones(len(features), bool) if valid is None else valid > 0
    chex.assert_shape(counts, features.shape[:1])
    features = jnp.where(counts[:, None], features.astype(jnp.float32), 0)
    count = counts.sum().astype(jnp.float32)
    mean = features.sum(0) / jnp.maximum(count, 1)
    # Centred first, because sum x x^T - N mean mean^T would lose all digits of a feature that hardly varies.
    centred = jnp.where(counts[:, None], features - mean[None], 0)
    return Moments(count, mean, jnp.matmul(centred.T, centred, precision="highest"))


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of the union of two sets, in float64 on the host (Chan et al., 1983).

    >>> moments = merge(feature_moments([[1.0], [1.0]]), feature_moments([[4.0]]))
    >>> moments.count, moments.mean.tolist(), moments.scatter.tolist()
    (3.0, [2.0], [[6.0]])
    """
    chex.assert_equal_shape([a.scatter, b.scatter])
    (count_a, mean_a, scatter_a), (count_b, mean_b, scatter_b) = _on_host(a), _on_host(b)
    count = count_a + count_b
    if not count:
        return empty(len(mean_a))
    # mean = mean_a + d n_b / n,  S = S_a + S_b + d d^T n_a n_b / n,  with d = mean_b - mean_a
    shift = mean_b - mean_a
    between = np.outer(shift, shift * (count_a * count_b / count))
    return Moments(count, mean_a + shift * (count_b / count), scatter_a + scatter_b + between)


def covariance(moments: Moments, unbiased: bool = False) -> np.ndarray:
    """Covariance [D, D] in float64: the scatter divided by N, or by N - 1 if `unbiased`.

    Raises:
      InputError: too few features, or features that are not finite.

    >>> moments = feature_moments([[1.0], [3.0]])
    >>> covariance(moments).item(), covariance(moments, unbiased=True).item()
    (1.0, 2.0)
    """
    count, mean, scatter = _on_host(moments)
    if count <= unbiased:
        raise InputError(f"the covariance of {count:.0f} features is not defined: take more images")
    if not np.isfinite(mean).all() or not np.isfinite(scatter).all():
        raise InputError(f"some of the {count:.0f} features are not finite: check the images and the network")
    return scatter / (count - unbiased)


def _on_host(moments: Moments) -> Moments:
    return Moments(float(moments.count), *(np.asarray(x, np.float64) for x in moments[1:]))
