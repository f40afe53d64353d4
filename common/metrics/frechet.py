"""Frechet distance between two sets of features; with Inception's features it is the FID (Heusel et al., 2017)."""

import chex
import numpy as np

from common.metrics.moments import Moments, covariance


def fid(real: Moments, generated: Moments, pytorch_fid: bool = False) -> float:
    """FID from the moments of two sets of features: the squared 2-Wasserstein distance of two Gaussians, in float64.

    The root of the product S_a S_b of the covariances is never formed. The product is not symmetric, and for singular
    covariances (fewer images than features) its numerical root may be complex or not finite. The trace of that root
    equals the sum of the singular values of S_a^(1/2) S_b^(1/2), which are real and non-negative for any rank.

    Args:
      real: moments of the real images' features.
      generated: moments of the generated images' features.
      pytorch_fid: whether to divide the scatter by N - 1, as pytorch-fid does, instead of N, as StyleGAN2-ADA does,
        whose FID the thesis reports. (pytorch-fid also adds 1e-6 to the diagonals when its matrix root is not finite,
        which cannot happen here.)

    Returns:
      Distance in squared units of the features; 0 is best.

    Raises:
      InputError: too few features, or features that are not finite.

    >>> from common.metrics.moments import feature_moments
    >>> fid(feature_moments([[0.0], [2.0]]), feature_moments([[3.0], [7.0]]))
    17.0
    """
    chex.assert_equal_shape([real.scatter, generated.scatter])
    covariance_a, covariance_b = (covariance(moments, unbiased=pytorch_fid) for moments in (real, generated))
    difference = np.asarray(real.mean, np.float64) - np.asarray(generated.mean, np.float64)
    # ||mu_a - mu_b||^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)),  tr (S_a S_b)^(1/2) = || S_a^(1/2) S_b^(1/2) ||_*
    overlap = np.linalg.svd(_root(covariance_a) @ _root(covariance_b), compute_uv=False).sum()
    distance = difference @ difference + np.trace(covariance_a) + np.trace(covariance_b) - 2 * overlap
    return max(float(distance), 0.0)  # for equal sets, rounding errors may make it slightly negative


def _root(matrix: np.ndarray) -> np.ndarray:
    """Symmetric square root of a positive semi-definite matrix; eigenvalues that rounding made negative become 0."""
    values, vectors = np.linalg.eigh(np.asarray(matrix, np.float64))
    return (vectors * np.sqrt(np.clip(values, 0, None))[None]) @ vectors.T
