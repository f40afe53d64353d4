"""Affine maps and sampling under them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from common.ops import warp

KEYS = jax.random.split(jax.random.key(0), 8)
POINTS = jax.random.uniform(KEYS[0], (6, 9, 2), maxval=64.0)

sample = jax.jit(warp.sample, static_argnames=("size", "fill"))


def random_matrix(key):
    angle, scale, shift = jax.random.split(key, 3)
    return warp.rotation_scale_translation(
        jax.random.uniform(angle, (6,), minval=-3.0, maxval=3.0),
        jax.random.uniform(scale, (6, 2), minval=0.5, maxval=2.0),
        jax.random.uniform(shift, (6, 2), minval=-9.0, maxval=9.0),
        31.5,
        15.5,
    )


def identity(batch):
    zeros = jnp.zeros((batch, 2))
    return warp.rotation_scale_translation(jnp.zeros(batch), zeros + 1, zeros, 0.0, 0.0)


def test_known_rotation():
    # A quarter turn of x towards y about (1, 1): right of the centre goes below it; then doubled and moved.
    matrix = warp.rotation_scale_translation(
        jnp.array(jnp.pi / 2), jnp.array([2.0, 2.0]), jnp.array([0.0, 5.0]), 1.0, 3.0
    )
    moved = warp.apply_to_points(matrix, jnp.array([[1.0, 1.0], [2.0, 1.0]]))
    np.testing.assert_allclose(moved, [[3, 8], [3, 10]], atol=1e-5)


def test_compose_is_one_after_the_other():
    outer, inner = random_matrix(KEYS[1]), random_matrix(KEYS[2])
    expected = warp.apply_to_points(outer, warp.apply_to_points(inner, POINTS))
    np.testing.assert_allclose(warp.apply_to_points(warp.compose(outer, inner), POINTS), expected, rtol=1e-4, atol=1e-3)


def test_compose_is_associative():
    a, b, c = (random_matrix(key) for key in KEYS[1:4])
    left, right = warp.compose(warp.compose(a, b), c), warp.compose(a, warp.compose(b, c))
    np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-3)


def test_inverse_undoes():
    matrix = random_matrix(KEYS[3])
    for product in (warp.compose(warp.invert(matrix), matrix), warp.compose(matrix, warp.invert(matrix))):
        np.testing.assert_allclose(product, identity(6), atol=1e-4)


@pytest.mark.parametrize("function", [warp.sample, sample], ids=["plain", "jit"])
def test_identity_is_exact(function):
    images = jax.random.normal(KEYS[4], (6, 12, 12, 3))
    np.testing.assert_array_equal(function(images, identity(6), size=12, fill=7.0), images)


def test_whole_pixel_shift_is_exact_and_fills():
    images = jax.random.normal(KEYS[4], (6, 12, 12, 3))
    shift = identity(6).at[:, :, 2].set(jnp.array([[3.0, -2.0]]))  # output (x, y) shows input (x + 3, y - 2)
    expected = np.full((6, 12, 12, 3), 7.0, np.float32)
    expected[:, 2:, :9] = images[:, :10, 3:]
    np.testing.assert_array_equal(sample(images, shift, size=12, fill=7.0), expected)


def test_linear_images_are_sampled_exactly():
    """Bilinear interpolation of x + 10 y is x + 10 y at any position inside."""
    x, y = jnp.meshgrid(jnp.arange(40.0), jnp.arange(40.0))
    images = jnp.broadcast_to((x + 10 * y)[None, :, :, None], (6, 40, 40, 1))
    angles = jax.random.uniform(KEYS[5], (6,), minval=-3.0, maxval=3.0)
    matrix = warp.rotation_scale_translation(angles, jnp.full((6, 2), 0.8), jnp.zeros((6, 2)), 7.5, 19.5)
    grid = jnp.stack(jnp.meshgrid(jnp.arange(16.0), jnp.arange(16.0)), -1).reshape(1, 256, 2)
    points = warp.apply_to_points(matrix, jnp.broadcast_to(grid, (6, 256, 2)))
    expected = (points[..., 0] + 10 * points[..., 1]).reshape(6, 16, 16, 1)
    np.testing.assert_allclose(sample(images, matrix, size=16), expected, rtol=1e-4, atol=1e-3)


def test_half_outside_is_half_fill():
    images = jnp.ones((1, 4, 4, 1))
    half = identity(1).at[0, 0, 2].set(-0.5)
    row = sample(images, half, size=5, fill=-1.0)[0, 1, :, 0]
    np.testing.assert_array_equal(row, [0, 1, 1, 1, 0])


def test_far_outside_is_fill_whatever_the_distance():
    far = identity(2).at[:, :, 2].set(jnp.array([[1e9, -1e9], [-1e9, 30.0]]))
    np.testing.assert_array_equal(sample(jnp.ones((2, 8, 8, 3)), far, size=8, fill=0.25), np.full((2, 8, 8, 3), 0.25))


def test_points_follow_pixels():
    """The pixel that `sample` shows at the image of a point is the point's own, for a map that mirrors, too."""
    images = jnp.zeros((6, 33, 33, 1)).at[:, 20, 9].set(1.0)
    angle = jnp.arange(6) * (jnp.pi / 2)
    scale = jnp.where((jnp.arange(6) % 2 == 0)[:, None], jnp.array([[-1.0, 1.0]]), 1.0)
    matrix = warp.rotation_scale_translation(angle, scale, jnp.zeros((6, 2)), 16.0, 16.0)
    sampled = sample(images, warp.invert(matrix), size=33)
    moved = np.rint(warp.apply_to_points(matrix, jnp.full((6, 1, 2), jnp.array([9.0, 20.0])))).astype(int)
    for i in range(6):
        x, y = moved[i, 0]
        np.testing.assert_allclose(sampled[i, y, x, 0], 1.0, atol=1e-4)


def test_planes_are_sampled_with_zeros_around():
    """Samples agree with scipy's linear interpolation on, between and beyond pixels, for positions of any size."""
    rng = np.random.default_rng(0)
    planes = rng.normal(size=(2, 3, 5, 7)).astype(np.float32)
    x, y = rng.uniform(-3, 9, (2, 2, 20, 10)).astype(np.float32)
    x[:, 0], y[:, 1] = np.round(x[:, 0]), np.round(y[:, 1])
    x[0, 2], y[1, 2] = 1e9, -1e9
    sampled = jax.jit(warp.sample_planes)(planes, x, y)
    for b, c in np.ndindex(2, 3):
        expected = map_coordinates(planes[b, c], [y[b], x[b]], order=1, mode="grid-constant")
        np.testing.assert_allclose(sampled[b, c], expected, atol=1e-5)


def test_sampling_planes_is_linear_and_its_gradient_the_transpose():
    rng = np.random.default_rng(1)
    planes, cotangent = jnp.asarray(rng.normal(size=(2, 3, 5, 7))), jnp.asarray(rng.normal(size=(2, 3, 4, 6)))
    x, y = jnp.asarray(rng.uniform(-2, 8, (2, 2, 4, 6)))
    sampled, transpose = jax.vjp(lambda planes: warp.sample_planes(planes, x, y), planes)
    np.testing.assert_allclose(jnp.vdot(sampled, cotangent), jnp.vdot(planes, transpose(cotangent)[0]), rtol=1e-4)


def test_both_ways_to_gather_are_the_same():
    rng = np.random.default_rng(2)
    planes, weights = rng.normal(size=(2, 3, 5, 7)).astype(np.float32), rng.normal(size=(4, 1, 1, 1)).astype(np.float32)
    top, left = rng.integers(0, 4, (2, 20)), rng.integers(0, 6, (2, 20))

    def loss(gather):
        return lambda planes: jnp.square(weights * jnp.stack(gather(planes, top, left))).sum()

    np.testing.assert_array_equal(warp._windows(planes, top, left), warp._corners(planes, top, left))
    gradients = (jax.grad(loss(gather))(planes) for gather in (warp._windows, warp._corners))
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-5)


def test_accelerators_gather_single_pixels():
    """Also where a gradient is differentiated again, as in R1: a gather's gradient of windows is a loop on TPUs."""
    planes, positions = jnp.zeros((2, 3, 5, 7)), jnp.zeros((2, 4, 6))

    def loss(planes):
        penalty = jax.grad(lambda planes: jnp.square(warp.sample_planes(planes, positions, positions)).sum())
        return jnp.square(penalty(planes)).sum()

    traced = jax.jit(jax.grad(loss)).trace(planes)
    windows = {p: "2, 2>" in traced.lower(lowering_platforms=(p,)).as_text() for p in ("cpu", "tpu", "cuda")}
    assert windows == {"cpu": True, "tpu": False, "cuda": False}
