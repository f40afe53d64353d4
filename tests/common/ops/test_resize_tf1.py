"""Tests of `common.ops.resize`; its numbers are held by tests/golden."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.ops.resize import resize_tf1

IMAGES = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype(np.float32)


def row(*values: float) -> jnp.ndarray:
    return jnp.asarray(values)[None, None, :, None]


def test_by_hand():
    """Every pixel stays where its index says, and the last one is repeated: half-pixel centres would be symmetric."""
    np.testing.assert_array_equal(resize_tf1(row(0.0, 2.0), (1, 4)).ravel(), [0, 1, 2, 2])
    np.testing.assert_array_equal(resize_tf1(row(0.0, 1.0, 4.0, 9.0), (1, 2)).ravel(), [0, 4])
    np.testing.assert_allclose(resize_tf1(row(0.0, 3.0), (1, 3)).ravel(), [0, 2, 3], rtol=1e-6)


def test_own_size_changes_nothing():
    np.testing.assert_array_equal(resize_tf1(IMAGES, (6, 5)), IMAGES)


@pytest.mark.parametrize("size", [(13, 7), (4, 11), (3, 2)])
def test_a_ramp_is_read_at_its_positions(size):
    y, x = np.mgrid[:6, :5].astype(np.float32)
    resized = resize_tf1(jnp.stack([y, x], -1)[None], size)[0]
    rows, columns = (np.minimum(np.arange(m) * n / m, n - 1) for m, n in zip(size, (6, 5), strict=True))
    np.testing.assert_allclose(resized[..., 0], np.broadcast_to(rows[:, None], size), atol=1e-5)
    np.testing.assert_allclose(resized[..., 1], np.broadcast_to(columns[None], size), atol=1e-5)


def test_axes_are_independent_and_dtype_is_kept():
    once = resize_tf1(IMAGES, (9, 8))
    np.testing.assert_allclose(once, resize_tf1(resize_tf1(IMAGES, (9, 5)), (9, 8)), atol=1e-6)
    turned = resize_tf1(IMAGES.swapaxes(1, 2), (8, 9)).swapaxes(1, 2)
    np.testing.assert_allclose(once, turned, atol=1e-6)
    assert resize_tf1(IMAGES.astype(jnp.bfloat16), (9, 8)).dtype == jnp.bfloat16


def test_linear_with_a_gradient():
    """The gradient of the sum counts how much of every pixel is seen: as much as there are output pixels."""
    seen = jax.grad(lambda x: resize_tf1(x, (9, 8)).sum())(jnp.asarray(IMAGES))
    np.testing.assert_allclose(seen.sum(), 2 * 9 * 8 * 3, rtol=1e-5)


@pytest.mark.parametrize("images", [np.zeros((1, 4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_wrong_images_are_loud(images):
    with pytest.raises(ValueError, match=r"must be \[B, H, W, C\] of a float type"):
        resize_tf1(images, (5, 5))
