"""Tests `fase_jax.losses`."""

import jax
import jax.numpy as jnp
import numpy as np

from common.ops.heatmaps import render_gaussian
from fase_jax import losses

KEY = jax.random.key(0)
POINTS = jax.random.uniform(KEY, (3, 4, 2), minval=3.0, maxval=12.0)
VISIBLE = jnp.ones((3, 4))
TARGETS = render_gaussian(POINTS, 16, 1.0)


def test_mse_is_the_mean_square():
    error = losses.heatmap_mse(TARGETS + 0.5, TARGETS, VISIBLE)
    np.testing.assert_allclose(error, np.full(3, 0.25), rtol=1e-6)


def test_cross_entropy_is_least_at_the_target():
    """Logits log p give the entropy of p; all other logits add the divergence."""
    p = TARGETS / TARGETS.sum((1, 2), keepdims=True)
    logits = jnp.log(p + 1e-30)
    entropy = -(p * logits).sum((1, 2)).mean(-1)
    np.testing.assert_allclose(losses.spatial_cross_entropy(logits, TARGETS, VISIBLE), entropy, rtol=1e-4)
    other = logits + jax.random.normal(KEY, logits.shape)
    assert (losses.spatial_cross_entropy(other, TARGETS, VISIBLE) > entropy).all()


def test_coordinate_error_is_a_distance():
    logits = 50 * TARGETS
    moved = losses.coordinate_error(logits, POINTS + jnp.array([3.0, 4.0])[None, None], VISIBLE)
    np.testing.assert_allclose(moved, np.full(3, 5.0), atol=0.3)  # a peak lies within half a pixel


def test_invisible_landmarks_have_no_gradient():
    visible = VISIBLE.at[1, 2].set(0)
    for loss in (
        lambda h: losses.heatmap_mse(h, TARGETS, visible),
        lambda h: losses.spatial_cross_entropy(h, TARGETS, visible),
        lambda h: losses.coordinate_error(h, POINTS, visible),
    ):
        gradient = jax.grad(lambda h, loss=loss: loss(h).sum())(jax.random.normal(KEY, TARGETS.shape))
        assert (gradient[1, :, :, 2] == 0).all()
        assert (jnp.abs(gradient).max((1, 2)) > 0).sum() == 11


def test_a_face_without_visible_landmarks_is_no_nan():
    none = jnp.zeros((3, 4))
    for value in (
        losses.heatmap_mse(TARGETS, TARGETS, none),
        losses.spatial_cross_entropy(TARGETS, TARGETS, none),
        losses.coordinate_error(TARGETS, POINTS, none),
    ):
        np.testing.assert_array_equal(value, np.zeros(3))
