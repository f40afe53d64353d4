"""Tests of `common.ops.resize`. The numbers of whole networks that resize are held by tests/golden."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.ops.resize import resize_bicubic, resize_bilinear, resize_tf1

RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(2, 5, 7, 3)).astype(np.float32)
BOTH = pytest.mark.parametrize("resize", [resize_bilinear, resize_bicubic])
ALIGNED = pytest.mark.parametrize("align_corners", [False, True])


def ramp(rows, columns):
    """[1, rows, columns, 2]: every pixel's own (y, x)."""
    return jnp.stack(jnp.meshgrid(jnp.arange(float(rows)), jnp.arange(float(columns)), indexing="ij"), -1)[None]


@BOTH
@ALIGNED
@pytest.mark.parametrize("size", [(5, 7), (10, 3), (1, 1), 8])
def test_a_constant_stays_and_the_same_size_is_the_identity(resize, align_corners, size):
    rows, columns = (size, size) if isinstance(size, int) else size
    resized = resize(jnp.full((1, 5, 7, 1), 3.0), size, align_corners=align_corners)
    assert resized.shape == (1, rows, columns, 1)
    np.testing.assert_allclose(resized, np.full(resized.shape, 3.0), rtol=1e-6)
    np.testing.assert_array_equal(resize(IMAGE, (5, 7), align_corners=align_corners), IMAGE)


def test_linear_functions_are_reproduced_away_from_the_border():
    y = resize_bilinear(ramp(8, 8), (16, 24))[0, :, 0, 0]
    x = resize_bilinear(ramp(8, 8), (16, 24))[0, 0, :, 1]
    np.testing.assert_allclose(y[1:-1], (np.arange(1, 15) + 0.5) / 2 - 0.5, atol=1e-6)
    np.testing.assert_allclose(x[1:-1], (np.arange(1, 23) + 0.5) / 3 - 0.5, atol=1e-6)


@BOTH
@ALIGNED
def test_mirrored_images_become_mirrored(resize, align_corners):
    run = functools.partial(resize, size=(3, 11), align_corners=align_corners)
    np.testing.assert_allclose(run(IMAGE[:, ::-1, ::-1]), run(IMAGE)[:, ::-1, ::-1], atol=1e-5)


def test_aligned_corners_are_kept():
    resized = resize_bilinear(IMAGE, (9, 13), align_corners=True)
    np.testing.assert_allclose(resized[:, ::8, ::12], IMAGE[:, ::4, ::6], rtol=1e-6)
    np.testing.assert_allclose(resized[:, ::2, ::2], IMAGE, atol=1e-6)  # a doubled grid keeps the old points
    middle = (IMAGE[:, :-1] + IMAGE[:, 1:]) / 2
    np.testing.assert_allclose(resized[:, 1::2, ::2], middle, atol=1e-6)


def test_known_values():
    """Worked by hand: taps at -1/4 and 1/4 of a pixel for a doubled row; the border pixel is repeated."""
    row = jnp.asarray([0.0, 4.0, 8.0, 0.0]).reshape(1, 1, 4, 1)
    linear = resize_bilinear(row, (1, 8))[0, 0, :, 0]
    np.testing.assert_allclose(linear, [0, 1, 3, 5, 7, 6, 2, 0], atol=1e-6)
    # w(1/4), w(3/4), w(5/4), w(7/4) with a = -3/4 are 0.87890625, 0.26171875, -0.10546875, -0.03515625.
    near, next_, left, far = 0.87890625, 0.26171875, -0.10546875, -0.03515625
    cubic = resize_bicubic(row, (1, 8))[0, 0, :, 0]
    np.testing.assert_allclose(cubic[3], left * 0 + near * 4 + next_ * 8 + far * 0, atol=1e-5)
    np.testing.assert_allclose(cubic[7], near * 0 + left * 8 + next_ * 0 + far * 0, atol=1e-5)


def test_a_given_scale_moves_the_coordinates_and_not_the_size():
    whole = resize_bicubic(IMAGE, (10, 21))
    np.testing.assert_array_equal(resize_bicubic(IMAGE, (4, 6), scale=(2.0, 3.0)), whole[:, :4, :6])


@BOTH
@ALIGNED
def test_gradients_are_the_transpose(resize, align_corners):
    """<resize(x), g> = <x, resize^T(g)> since resizing is linear."""
    run = functools.partial(resize, size=(9, 4), align_corners=align_corners)
    g = RNG.normal(size=(2, 9, 4, 3)).astype(np.float32)
    value, pull = jax.vjp(run, IMAGE)
    np.testing.assert_allclose((np.asarray(value) * g).sum(), (IMAGE * np.asarray(pull(g)[0])).sum(), rtol=1e-4)


@BOTH
def test_dtype_is_kept_and_empty_sizes_are_loud(resize):
    assert resize(IMAGE.astype(jnp.bfloat16), 4).dtype == jnp.bfloat16
    with pytest.raises(ValueError, match="0 x 4"):
        resize(IMAGE, (0, 4))


def row(*values: float) -> jnp.ndarray:
    return jnp.asarray(values)[None, None, :, None]


def test_tf1_by_hand():
    """Every pixel stays where its index says, and the last one is repeated: half-pixel centres would be symmetric."""
    np.testing.assert_array_equal(resize_tf1(row(0.0, 2.0), (1, 4)).ravel(), [0, 1, 2, 2])
    np.testing.assert_array_equal(resize_tf1(row(0.0, 1.0, 4.0, 9.0), (1, 2)).ravel(), [0, 4])
    np.testing.assert_allclose(resize_tf1(row(0.0, 3.0), (1, 3)).ravel(), [0, 2, 3], rtol=1e-6)


@pytest.mark.parametrize("size", [(13, 7), (4, 11), (3, 2)])
def test_tf1_reads_a_ramp_at_its_positions(size):
    y, x = np.mgrid[:6, :5].astype(np.float32)
    resized = resize_tf1(jnp.stack([y, x], -1)[None], size)[0]
    rows, columns = (np.minimum(np.arange(m) * n / m, n - 1) for m, n in zip(size, (6, 5), strict=True))
    np.testing.assert_allclose(resized[..., 0], np.broadcast_to(rows[:, None], size), atol=1e-5)
    np.testing.assert_allclose(resized[..., 1], np.broadcast_to(columns[None], size), atol=1e-5)
    assert resize_tf1(IMAGE.astype(jnp.bfloat16), size).dtype == jnp.bfloat16


def test_tf1_gradient():
    """The gradient of the sum counts how much of every pixel is seen: as much as there are output pixels."""
    seen = jax.grad(lambda x: resize_tf1(x, (9, 8)).sum())(jnp.asarray(IMAGE))
    np.testing.assert_allclose(seen.sum(), 2 * 9 * 8 * 3, rtol=1e-5)


@pytest.mark.parametrize("images", [np.zeros((1, 4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_wrong_images_are_loud(images):
    with pytest.raises(ValueError, match=r"must be \[B, H, W, C\] of a float type"):
        resize_tf1(images, (5, 5))
