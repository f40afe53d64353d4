"""Mahalanobis distance to a set of features; the thesis finds the worst generated images with it (Fig. 4.6)."""

import chex
import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from common.errors import InputError
from common.metrics.moments import Moments, covariance


def mahalanobis(features: ArrayLike, moments: Moments, ridge: float = 0.0) -> np.ndarray:
    """Distance of each feature vector to the mean of a set, in standard deviations of the set in the same direction.

    Args:
      features: [N, D], features of generated images.
      moments: moments of the real images' features.
      ridge: number added to the covariance's diagonal, in units of the mean variance. The thesis adds none, which
        requires more real images than features. With fewer images, the distance is dominated by the directions in
        which real images do not vary, and the ridge decides how strongly.

    Returns:
      [N], float64.

    Raises:
      InputError: the covariance is singular, or `moments` are not finite.

    >>> from common.metrics.moments import feature_moments
    >>> square = feature_moments([[-1.0, -2.0], [1.0, -2.0], [-1.0, 2.0], [1.0, 2.0]])
    >>> mahalanobis([[3.0, 0.0], [0.0, 4.0]], square).tolist()
    [3.0, 2.0]
    """
    features = np.asarray(features, np.float64)
    chex.assert_shape(features, (None, *np.shape(moments.mean)))
    matrix = covariance(moments)
    dim = len(matrix)
    matrix[np.diag_indices(dim)] += ridge * np.trace(matrix) / dim
    # sqrt((x - mu)^T S^-1 (x - mu)) = ||L^-1 (x - mu)||, S = L L^T
    whitened = solve_triangular(_factor(matrix), (features - np.asarray(moments.mean, np.float64)[None]).T, lower=True)
    return np.linalg.norm(whitened, axis=0)


def _factor(matrix: np.ndarray) -> np.ndarray:
    """Lower Cholesky factor. A pivot of the size of a rounding error counts as singular."""
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        factor = np.zeros_like(matrix)
    pivots = np.square(np.diag(factor))
    if not pivots.min() > len(matrix) * np.finfo(np.float64).eps * np.diag(matrix).max():
        raise InputError(
            f"the covariance of {len(matrix)} features is singular: take more real images than features, or a ridge of "
            "1e-3, which the output of a LayerNorm always needs, because a weighted sum of it is constant"
        )
    return factor
