"""Tests of `common.metrics.frechet`."""

import numpy as np
import scipy.linalg

from common.metrics.frechet import fid
from common.metrics.moments import Moments, covariance, feature_moments

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(12, 12))
REAL = np.float32(RNG.normal(size=(300, 12)) @ MIX)
GENERATED = np.float32(RNG.normal(size=(400, 12)) @ MIX * 0.9 + 0.5)
TURN = np.linalg.qr(MIX)[0]


def test_fid_is_the_matrix_root():
    a, b = feature_moments(REAL), feature_moments(GENERATED)
    product = scipy.linalg.sqrtm(covariance(a) @ covariance(b))
    difference = a.mean - b.mean
    expected = difference @ difference + np.trace(covariance(a) + covariance(b) - 2 * product.real)
    np.testing.assert_allclose(fid(a, b), expected, rtol=1e-9)


def test_fid_is_a_distance_of_sets():
    a, b = feature_moments(REAL), feature_moments(GENERATED)
    np.testing.assert_allclose(fid(a, b), fid(b, a), rtol=1e-10)
    turned = [feature_moments(x.astype(np.float64) @ TURN + 7) for x in (REAL, GENERATED)]
    np.testing.assert_allclose(fid(*turned), fid(a, b), rtol=1e-9)
    moved = feature_moments(REAL.astype(np.float64) + 2)
    np.testing.assert_allclose(fid(a, moved), 12 * 2**2, rtol=1e-9)


def test_fid_of_fewer_images_than_features():
    """Singular covariances: of images that span different directions nothing overlaps, of equal ones everything."""
    few = RNG.normal(size=(5, 12))
    same = feature_moments(few)
    assert abs(fid(same, same)) < 1e-12 * np.trace(covariance(same))
    first, second = (Moments(1.0, np.zeros(4), np.diag(variances)) for variances in ([1.0, 4, 0, 0], [0, 0, 9.0, 0]))
    np.testing.assert_allclose(fid(first, second), 14.0, rtol=1e-12)


def test_pytorch_fid_divides_by_one_less():
    a, b = feature_moments(REAL), feature_moments(REAL * 2)
    at_mean = np.sum((a.mean - b.mean) ** 2)
    np.testing.assert_allclose((fid(a, b, pytorch_fid=True) - at_mean) / (fid(a, b) - at_mean), 300 / 299, rtol=1e-9)
