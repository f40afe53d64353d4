"""Tests of `common.ops.pool`."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.ops.pool import adaptive_average_pool, box_downsample, max_pool

IMAGE = np.random.default_rng(0).normal(size=(2, 9, 12, 3)).astype(np.float32) - 5


@pytest.mark.parametrize(("size", "stride", "padding"), [(3, 2, 1), (3, 2, 0), (2, 2, 0), (3, 1, 1), (5, 3, 2)])
def test_maxima_are_those_of_a_window_reduction(size, stride, padding):
    """So are their gradients, since no two of the numbers are equal. All are negative: a border of zeros would win."""

    def windows(x):
        return nn.max_pool(x, (size, size), (stride, stride), ((padding, padding),) * 2)

    np.testing.assert_array_equal(max_pool(IMAGE, size, stride, padding), windows(IMAGE))
    g = np.random.default_rng(1).normal(size=windows(IMAGE).shape).astype(np.float32)
    (expected,) = jax.vjp(windows, IMAGE)[1](g)
    (actual,) = jax.vjp(lambda x: max_pool(x, size, stride, padding), IMAGE)[1](g)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_equal_maxima_share_the_gradient():
    gradient = jax.grad(lambda x: max_pool(x, 2, 2, 0).sum())(jnp.ones((1, 2, 2, 1)))
    np.testing.assert_array_equal(gradient, np.full((1, 2, 2, 1), 0.25))


def test_averages_over_overlapping_bins():
    pooled = adaptive_average_pool(IMAGE, 6)
    np.testing.assert_allclose(pooled[:, 1, 2], IMAGE[:, 1:3, 4:6].mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(pooled[:, 2, 5], IMAGE[:, 3:5, 10:12].mean((1, 2)), rtol=1e-5)


def test_squares_that_do_not_fill_an_image_are_loud():
    with pytest.raises(ValueError, match="300 x 300"):
        box_downsample(jnp.zeros((1, 300, 300, 3)), 256)
