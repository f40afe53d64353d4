"""Tests the augmentation's geometry, by comparison with separate padding, filtering and sampling."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ada_reference import percentile_draws, reference_margins
from scipy.ndimage import map_coordinates

from common.ops import warp
from common.ops.resample import filter2d, lowpass, upsample2d
from hsr_jax.ada.draws import QUANTILES, random_draws
from hsr_jax.ada.geometry import SYM6, inverse_matrix, reflected, resample

H, W = 12, 18
IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, H, W, 2)).astype(np.float32)
IDENTITY = jnp.broadcast_to(jnp.eye(2, 3)[None], (3, 2, 3))

resampled = jax.jit(resample, static_argnames="margins")


def maps(scale, seed=1):
    """Maps [3, 2, 3]: rotations by any angle that shrink the image by `scale`, with a stretch and a shift."""
    rng = np.random.default_rng(seed)
    zoom = scale * jnp.asarray(rng.uniform(0.7, 1.4, (3, 2)))
    return warp.rotation_scale_translation(
        jnp.asarray(rng.uniform(-3, 3, 3)), zoom, jnp.asarray(rng.uniform(-4, 4, (3, 2))), 0.0, 0.0
    )


def step_by_step(images, matrix, margins):
    """The reference's recipe in float64, with every intermediate image."""
    left, top, right, bottom = margins
    padded = np.pad(images, ((0, 0), (top, bottom), (left, right), (0, 0)), mode="reflect")
    large = np.asarray(upsample2d(jnp.asarray(padded), SYM6))
    # There are 2 (side + 6) output points per axis, with the origin in the middle of the image.
    grid = np.stack(np.meshgrid(np.arange(2 * (W + 6)) - W - 5, np.arange(2 * (H + 6)) - H - 5), -1) / 2
    points = np.einsum("bij,yxj->byxi", matrix[..., :2], grid) + matrix[:, None, None, :, 2]
    points += np.array([(W - 1) / 2 + left, (H - 1) / 2 + top])
    sampled = [
        [map_coordinates(plane, [2 * p[..., 1], 2 * p[..., 0]], order=1, mode="grid-constant") for plane in image]
        for image, p in zip(np.moveaxis(large, -1, 1), points, strict=True)
    ]
    # The taps are mirrored, and the padding is 6 pixels less on every side than the (5, 5) of a reduction.
    return filter2d(jnp.moveaxis(jnp.asarray(sampled), 1, -1), lowpass(SYM6)[::-1], down=2, padding=(-1, -1))


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.5, 6.0])
@pytest.mark.parametrize("margins", [(W - 1, H - 1, W - 1, H - 1), (0, 0, 0, 0), (5, 11, 17, 3), (17, 2, 0, 11)])
def test_resampling_equals_the_separate_steps(scale, margins):
    """The maps also leave the reflected area, whose surrounding zeros reach into it by half a filter."""
    with jax.enable_x64(True):
        images, matrix = IMAGES.astype(np.float64), np.asarray(maps(scale))
        expected = step_by_step(images, matrix, margins)
        np.testing.assert_allclose(resampled(images, matrix, margins), expected, atol=1e-12)


def test_the_fixed_margins_are_the_largest():
    largest = (W - 1, H - 1, W - 1, H - 1)
    np.testing.assert_array_equal(resampled(IMAGES, maps(3.0)), resampled(IMAGES, maps(3.0), largest))


def test_fixed_margins_are_as_good_as_the_references():
    """Each image is compared with its own reference margins. The largest difference found over many maps was 6e-5."""
    sides, count = (40, 48), 12
    images = jax.random.uniform(jax.random.key(0), (count, *sides, 1), minval=-1.0, maxval=1.0)
    draws = random_draws(jax.random.key(1), count, dict.fromkeys(QUANTILES, 1.0))
    matrix = inverse_matrix(draws, *sides)
    together = resampled(images, matrix)
    for i in range(count):
        alone = resampled(images[i : i + 1], matrix[i : i + 1], reference_margins(matrix[i : i + 1], *sides))
        np.testing.assert_allclose(together[i : i + 1], alone, atol=1e-4)


def test_margins_of_an_unmoved_and_of_a_shifted_image():
    assert reference_margins(IDENTITY, H, W) == (6, 6, 6, 6)
    assert reference_margins(IDENTITY.at[:, :, 2].set(jnp.array([2.5, -3.0])), H, W) == (4, 9, 9, 3)
    # The batch shares its margins, which never exceed the possible reflection.
    assert reference_margins(IDENTITY.at[0, 0, 2].set(-3.0).at[1].multiply(100.0), H, W) == (17, 11, 17, 11)


def test_an_unmoved_image_loses_nothing():
    np.testing.assert_allclose(resampled(IMAGES, IDENTITY), IMAGES, atol=1e-5)


def test_a_whole_shift_reflects():
    shifted = resampled(IMAGES, IDENTITY.at[:, :, 2].set(jnp.array([5.0, -3.0])))
    rows, columns = reflected(np.arange(H) - 3, H), reflected(np.arange(W) + 5, W)
    np.testing.assert_allclose(shifted, IMAGES[:, rows[:, None], columns], atol=1e-5)


def test_strong_maps_leave_black():
    """The reflected area has three times the side. Shrunk twelve times, it covers a quarter of the image's side."""
    far = resampled(np.ones((1, 32, 32, 1), np.float32), IDENTITY[:1] * 12)[0, :, :, 0]
    np.testing.assert_array_equal(far[:8], 0)
    np.testing.assert_allclose(far[14:18, 14:18], 1, atol=0.1)
    endless = resampled(IMAGES, IDENTITY.at[:, :, 2].set(1e9))
    np.testing.assert_array_equal(endless, np.zeros_like(IMAGES))


def test_too_large_margins_are_refused():
    with pytest.raises(ValueError, match="12 pixels cannot be reflected by 12 before and 0 after"):
        resample(IMAGES, IDENTITY, (0, 12, 0, 0))


def test_the_gradient_is_the_transpose():
    """<A x, y> = <x, A^T y>, also if points leave the image."""
    with jax.enable_x64(True):
        x, matrix = jnp.asarray(IMAGES, jnp.float64), maps(2.5)
        y = jnp.asarray(np.random.default_rng(2).normal(size=x.shape))
        value, transpose = jax.vjp(lambda x: resampled(x, matrix), x)
        np.testing.assert_allclose(jnp.vdot(value, y), jnp.vdot(x, transpose(y)[0]), rtol=1e-12)


def test_the_wavelet_is_orthonormal_with_six_vanishing_moments():
    taps, length = np.array(SYM6), len(SYM6)
    products = [taps[: length - 2 * k] @ taps[2 * k :] for k in range(length // 2)]
    np.testing.assert_allclose(products, np.eye(length // 2)[0], atol=1e-11)
    moments = [(taps * (-1.0) ** np.arange(length) * np.arange(length) ** m).sum() for m in range(length // 2)]
    np.testing.assert_allclose(moments, np.zeros(length // 2), atol=1e-8)  # times 11^5 at most


def geometry(**quantiles):
    """Matrix [2, 3] of one image to which the named changes apply, at the given quantiles."""
    draws = percentile_draws(0.5, 1, {name: name in quantiles for name in QUANTILES})
    for name, q in quantiles.items():
        draws.quantiles[name] = jnp.full_like(draws.quantiles[name], q)
    return np.asarray(inverse_matrix(draws, H, W)[0])


@pytest.mark.parametrize(
    ("quantiles", "expected"),
    [
        ({}, [[1, 0, 0], [0, 1, 0]]),
        ({"xflip": 0.4}, [[1, 0, 0], [0, 1, 0]]),
        ({"xflip": 0.6}, [[-1, 0, 0], [0, 1, 0]]),
        ({"rotate90": 0.3}, [[0, -1, 0], [1, 0, 0]]),
        ({"rotate90": 0.6}, [[-1, 0, 0], [0, -1, 0]]),
        ({"xint": 0.95}, [[1, 0, -2], [0, 1, -1]]),  # 0.9 * 0.125 of 18 and 12 pixels, rounded
        ({"xflip": 0.6, "xint": 0.95}, [[-1, 0, 2], [0, 1, -1]]),  # a mirrored image moves to the right
        ({"rotate": 0.75}, [[0, -1, 0], [1, 0, 0]]),
        ({"post_rotate": 0.75}, [[0, -1, 0], [1, 0, 0]]),
    ],
)
def test_steps_without_normal_numbers(quantiles, expected):
    np.testing.assert_allclose(geometry(**quantiles), expected, atol=1e-6)


def test_steps_with_normal_numbers():
    q = 0.9
    n = math.sqrt(0.5) * 1.2815515655446004  # quantile 0.9 of the normal distribution, divided by sqrt(2)
    s = 2 ** (0.2 * n)
    np.testing.assert_allclose(geometry(scale=q), [[1 / s, 0, 0], [0, 1 / s, 0]], rtol=1e-5)
    np.testing.assert_allclose(geometry(aniso=q), [[1 / s, 0, 0], [0, s, 0]], rtol=1e-5)
    np.testing.assert_allclose(geometry(xfrac=q)[:, 2], [-0.125 * n * W, -0.125 * n * H], rtol=1e-5)
    # The image is scaled first and then shifted, so the shift is in pixels of the output.
    np.testing.assert_allclose(geometry(scale=q, xfrac=q)[:, 2], [-0.125 * n * W / s, -0.125 * n * H / s], rtol=1e-5)
