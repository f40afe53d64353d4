"""Tests of `common.metrics.attribute_linearity`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.metrics.attribute_linearity import attribute_linearity, hsr_attribute_linearity

SCORES = jnp.asarray(np.random.default_rng(0).normal(size=(7, 11, 5)).cumsum(1), jnp.float32)
T = np.linspace(0, 1, 11)
BOTH = [attribute_linearity, hsr_attribute_linearity]


def test_equation_frame_by_frame():
    """Eq. (4.5) as written, with sums over t = 1/N, ..., 1 and over the attributes."""
    scores, n = np.asarray(SCORES, np.float64), 10
    total = 0.0
    for pair in scores:
        for t in range(1, n + 1):
            for j in range(5):
                total += (pair[t, j] - pair[0, j] - t / n * (pair[n, j] - pair[0, j])) ** 2
    np.testing.assert_allclose(attribute_linearity(SCORES).mean(), total / len(scores) / (n * 5), rtol=1e-5)


def test_known_curve():
    """A parabola t^2 lies t (1 - t) below its chord."""
    scores = jnp.asarray(T**2, jnp.float32).reshape(1, 11, 1)
    np.testing.assert_allclose(attribute_linearity(scores)[0], np.sum((T * (1 - T)) ** 2) / 10, rtol=1e-5)
    expected = np.sum((T * (1 - T)) ** 2) / np.var(T**2)
    np.testing.assert_allclose(hsr_attribute_linearity(scores)[0], expected, rtol=1e-5)


@pytest.mark.parametrize("metric", BOTH)
def test_straight_lines_score_0(metric):
    slopes, starts = jax.random.normal(jax.random.key(0), (2, 7, 1, 5))
    lines = starts + slopes * jnp.asarray(T, jnp.float32)[None, :, None]
    np.testing.assert_allclose(metric(lines), jnp.zeros(5), atol=1e-11)


def test_invariance():
    """A straight line added to a pair's scores changes nothing; nor does an attribute's unit if it is normalised."""
    slopes = jax.random.normal(jax.random.key(0), (7, 1, 5))
    tilted = SCORES + slopes * jnp.asarray(T, jnp.float32)[None, :, None]
    np.testing.assert_allclose(attribute_linearity(tilted), attribute_linearity(SCORES), rtol=1e-4)
    units = jnp.array([0.1, 1, 3, 10, 100])
    scaled = hsr_attribute_linearity(SCORES * units[None, None] + 2)
    np.testing.assert_allclose(scaled, hsr_attribute_linearity(SCORES), rtol=1e-4)
    np.testing.assert_allclose(
        attribute_linearity(SCORES * units[None, None]), attribute_linearity(SCORES) * units**2, rtol=1e-4
    )


def test_deviations_of_opposite_sign_do_not_cancel():
    both = jnp.concatenate([SCORES, -SCORES])
    for metric in BOTH:
        assert (metric(both) > 0.1).all()


@pytest.mark.parametrize("metric", BOTH)
def test_wrong_shapes_are_loud_and_jit_agrees(metric):
    with pytest.raises(AssertionError):
        metric(SCORES[0])
    np.testing.assert_allclose(jax.jit(metric)(SCORES), metric(SCORES), rtol=1e-5)
