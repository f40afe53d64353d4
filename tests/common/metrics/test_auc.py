"""Tests of `common.metrics.auc`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.metrics.auc import auc, auc_sampled, failure_rate

ERRORS = jnp.asarray(np.random.default_rng(0).gamma(2.0, 4.0, 200), jnp.float32)


def test_auc_is_the_area_under_the_steps():
    edges = np.r_[0.0, np.minimum(np.sort(ERRORS), 7.0), 7.0]  # the distribution is constant between sorted errors
    expected = np.diff(edges) @ np.linspace(0, 1, len(ERRORS) + 1) / 7
    np.testing.assert_allclose(auc(ERRORS, 7.0), expected, rtol=1e-5)


@pytest.mark.parametrize(("errors", "area"), [([0.0, 0.0], 1.0), ([7.0, 9.0], 0.0), ([3.5, 3.5], 0.5)])
def test_auc_extremes(errors, area):
    np.testing.assert_allclose(auc(jnp.array(errors), 7.0), area)


def test_sampled_auc_is_the_mean_success_rate_and_converges():
    by_definition = np.mean([1 - failure_rate(ERRORS, t) for t in np.linspace(0, 10, 50, dtype=np.float32)])
    np.testing.assert_allclose(auc_sampled(ERRORS, 10.0), by_definition, rtol=1e-5)
    np.testing.assert_allclose(auc_sampled(ERRORS, 10.0, num=10_001), auc(ERRORS, 10.0), atol=1 / 10_000)


def test_failure_is_strictly_above():
    np.testing.assert_array_equal(failure_rate(jnp.array([9.99, 10.0, 10.01, 11.0]), 10.0), 0.5)


@pytest.mark.parametrize("metric", [auc, auc_sampled, failure_rate])
def test_nan_is_not_a_success(metric):
    assert np.isnan(metric(ERRORS.at[3].set(jnp.nan), 10.0))


def test_jit_agrees():
    np.testing.assert_allclose(jax.jit(auc)(ERRORS, 8.0), auc(ERRORS, 8.0), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(failure_rate)(ERRORS, 8.0), failure_rate(ERRORS, 8.0), rtol=1e-6)
