"""Tests of `common.metrics.mahalanobis`."""

import numpy as np
import pytest

from common.errors import InputError
from common.metrics.mahalanobis import mahalanobis
from common.metrics.moments import covariance, feature_moments

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(12, 12))
REAL = np.float32(RNG.normal(size=(300, 12)) @ MIX)
GENERATED = np.float32(RNG.normal(size=(400, 12)) @ MIX * 0.9 + 0.5)


def test_mahalanobis_by_definition():
    moments = feature_moments(REAL)
    centred = GENERATED - moments.mean
    expected = np.sqrt(np.einsum("nd,de,ne->n", centred, np.linalg.inv(covariance(moments)), centred))
    np.testing.assert_allclose(mahalanobis(GENERATED, moments), expected, rtol=1e-9)
    np.testing.assert_allclose(np.mean(mahalanobis(REAL, moments) ** 2), 12, rtol=1e-9)  # trace of S^-1 S


def test_mahalanobis_sees_no_affine_map():
    def move(x):
        return x.astype(np.float64) @ MIX.T - 3

    actual = mahalanobis(move(GENERATED), feature_moments(move(REAL)))
    np.testing.assert_allclose(actual, mahalanobis(GENERATED, feature_moments(REAL)), rtol=1e-6)


@pytest.mark.parametrize("real", [REAL[:12], np.c_[REAL[:, :11], REAL[:, 0]], np.c_[REAL[:, :11], np.ones(300)]])
def test_a_singular_covariance_needs_a_ridge(real):
    """Too few images, a feature twice, a feature that never varies."""
    moments = feature_moments(real)
    with pytest.raises(InputError, match="singular"):
        mahalanobis(GENERATED, moments)
    outlier = np.append(moments.mean[None], moments.mean[None] + 100, axis=0)
    near, far = mahalanobis(outlier, moments, ridge=1e-3)
    assert near == 0 and 10 < far < np.inf
