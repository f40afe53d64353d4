"""Tests of `common.metrics.moments`, on one device and on eight."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from common.errors import InputError
from common.metrics.moments import batch_moments, covariance, empty, feature_moments, merge

RNG = np.random.default_rng(0)
# Correlated features of different sizes, all above 0 as after a ReLU.
FEATURES = np.float32(np.abs(RNG.normal(size=(2000, 24)) @ RNG.normal(size=(24, 24))) * np.geomspace(0.01, 100, 24) + 1)
MESH = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
SHARDED = NamedSharding(MESH, PartitionSpec("data"))


def assert_same(actual, expected, rtol=1e-6):
    """Covariances are compared in units of the deviations of their two features."""
    assert actual.count == expected.count
    np.testing.assert_allclose(actual.mean, expected.mean, rtol=rtol)
    deviations = np.sqrt(np.diag(covariance(expected)))
    difference = covariance(actual) - covariance(expected)
    assert np.abs(difference / np.outer(deviations, deviations)).max() < rtol


def batches(size):
    for start in range(0, len(FEATURES), size):
        yield FEATURES[start : start + size]


@pytest.mark.parametrize("size", [1, 64, 2000])
def test_batch_by_batch_is_at_once(size):
    moments = functools.reduce(merge, map(batch_moments, batches(size)), empty(24))
    assert_same(moments, feature_moments(FEATURES))


def test_the_split_over_devices_is_not_seen():
    """The last batch is padded with NaN; on some devices all rows are padding."""
    total = empty(24)
    for batch in batches(192):
        rows = np.full((192, 24), np.nan, np.float32)
        rows[: len(batch)] = batch
        valid = jax.device_put(np.arange(192) < len(batch), SHARDED)
        moments = batch_moments(jax.device_put(rows, SHARDED), valid)
        assert len(moments.scatter.sharding.device_set) == 8 and moments.scatter.is_fully_replicated
        total = merge(total, moments)
    assert_same(total, feature_moments(FEATURES))


def test_sum_in_float32_would_not_do():
    """Sums over all images in float32 lose digits that the batches keep."""
    total, squares = jnp.zeros(24), jnp.zeros((24, 24))
    for batch in batches(64):
        total, squares = total + batch.sum(0), squares + batch.T @ batch
    mean = np.asarray(total, np.float64) / len(FEATURES)
    naive = np.asarray(squares, np.float64) - len(FEATURES) * np.outer(mean, mean)
    with pytest.raises(AssertionError):
        assert_same(feature_moments(FEATURES)._replace(scatter=naive), feature_moments(FEATURES))


def test_merging_in_any_order():
    a, b, c = (feature_moments(part) for part in np.split(FEATURES, [300, 301]))
    assert_same(merge(merge(a, b), c), merge(a, merge(c, b)), rtol=1e-13)
    assert_same(merge(empty(24), merge(a, empty(24))), a, rtol=1e-13)
    assert merge(empty(3), empty(3)).count == 0


def test_a_batch_of_filling_changes_nothing():
    nothing = batch_moments(jnp.full((8, 24), jnp.nan), jnp.zeros(8))
    assert_same(merge(feature_moments(FEATURES), nothing), feature_moments(FEATURES), rtol=1e-13)


def test_covariance_is_numpys():
    moments = feature_moments(FEATURES)
    np.testing.assert_allclose(covariance(moments), np.cov(FEATURES.T.astype(np.float64), ddof=0), rtol=1e-10)
    unbiased = np.cov(FEATURES.T.astype(np.float64))
    np.testing.assert_allclose(covariance(moments, unbiased=True), unbiased, rtol=1e-10)


def test_half_precision_features_are_summed_in_single():
    half = jnp.asarray(FEATURES, jnp.bfloat16)
    assert_same(merge(empty(24), batch_moments(half)), feature_moments(np.asarray(half, np.float32)))


def test_bad_input_is_loud():
    with pytest.raises(InputError, match="covariance of 0 features"):
        covariance(empty(2))
    with pytest.raises(InputError, match="covariance of 1 features"):
        covariance(feature_moments(np.ones((1, 2))), unbiased=True)
    with pytest.raises(InputError, match="2 features are not finite"):
        covariance(merge(empty(1), batch_moments(jnp.array([[1.0], [jnp.nan]]))))
    with pytest.raises(AssertionError):
        merge(empty(2), empty(3))
    with pytest.raises(AssertionError):
        batch_moments(jnp.ones((4, 2, 2)))
    with pytest.raises(AssertionError):
        batch_moments(jnp.ones((4, 2)), jnp.ones(3))
