"""Tests the augmentation's changes of colour and its image filter."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ada_reference import percentile_draws
from scipy.ndimage import convolve1d

from hsr_jax.ada.colour import colour_matrix, recolour
from hsr_jax.ada.draws import QUANTILES
from hsr_jax.ada.filter import EXPECTED_POWER, band_gains, filter_bank, scale_bands

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 24, 30, 3)).astype(np.float32)
GREY = IMAGES[..., :1]
N = math.sqrt(0.5) * 1.2815515655446004  # quantile 0.9 of the normal distribution, divided by sqrt(2)


def draws(quantiles):
    """Draws in which only the named changes apply, at the given quantiles."""
    result = percentile_draws(0.5, len(IMAGES), {name: name in quantiles for name in QUANTILES})
    for name, q in quantiles.items():
        result.quantiles[name] = jnp.full(len(IMAGES), q)
    return result


def changed(images=IMAGES, **quantiles):
    return np.asarray(recolour(images, colour_matrix(draws(quantiles))))


def split(images):
    """Grey part (mean over channels) and the rest, float64."""
    mean = images.astype(np.float64).mean(-1, keepdims=True)
    return mean, images - mean


def test_nothing_drawn_changes_nothing():
    np.testing.assert_allclose(changed(), IMAGES, atol=1e-6)
    np.testing.assert_allclose(changed(GREY), GREY, atol=1e-6)


@pytest.mark.parametrize("images", [IMAGES, GREY], ids=["colour", "grey"])
def test_brightness_adds_and_contrast_multiplies(images):
    np.testing.assert_allclose(changed(images, brightness=0.9), images + 0.2 * N, atol=1e-6)
    np.testing.assert_allclose(changed(images, contrast=0.9), images * 2 ** (0.5 * N), atol=1e-6)
    both = changed(images, brightness=0.9, contrast=0.9)
    np.testing.assert_allclose(both, (images + 0.2 * N) * 2 ** (0.5 * N), atol=1e-6)


def test_the_luma_flip_inverts_brightness_and_keeps_the_colour():
    once = changed(lumaflip=0.7)
    (mean, rest), (flipped_mean, flipped_rest) = split(IMAGES), split(once)
    np.testing.assert_allclose(flipped_mean, -mean, atol=1e-6)
    np.testing.assert_allclose(flipped_rest, rest, atol=1e-6)
    np.testing.assert_allclose(changed(once, lumaflip=0.7), IMAGES, atol=1e-6)
    np.testing.assert_allclose(changed(GREY, lumaflip=0.7), -GREY, atol=1e-6)
    np.testing.assert_allclose(changed(lumaflip=0.3), IMAGES, atol=1e-6)


def test_hue_turns_red_to_green_to_blue():
    third = 0.5 + 1 / 3  # quantile of the angle 2 pi / 3
    np.testing.assert_allclose(changed(hue=third), np.roll(IMAGES, 1, axis=-1), atol=1e-6)
    (mean, rest), (turned_mean, turned_rest) = split(IMAGES), split(changed(hue=0.6))
    np.testing.assert_allclose(turned_mean, mean, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(turned_rest, axis=-1), np.linalg.norm(rest, axis=-1), atol=1e-6)


def test_saturation_scales_the_colour_and_keeps_the_mean():
    (mean, rest), (new_mean, new_rest) = split(IMAGES), split(changed(saturation=0.9))
    np.testing.assert_allclose(new_mean, mean, atol=1e-6)
    np.testing.assert_allclose(new_rest, rest * 2**N, atol=1e-5)


def test_hue_and_saturation_do_not_change_grey_images():
    np.testing.assert_allclose(changed(GREY, hue=0.9, saturation=0.9), GREY, atol=1e-6)


def test_changes_together_equal_changes_one_after_the_other():
    parts = {"brightness": 0.8, "contrast": 0.3, "lumaflip": 0.9, "hue": 0.2, "saturation": 0.7}
    expected = functools.reduce(lambda images, name: changed(images, **{name: parts[name]}), parts, IMAGES)
    np.testing.assert_allclose(changed(**parts), expected, atol=1e-5)


def test_other_numbers_of_channels_are_refused():
    with pytest.raises(ValueError, match="three channels or one, not 2"):
        changed(IMAGES[..., :2])


def test_the_bands_sum_to_the_identity():
    bank = filter_bank()
    np.testing.assert_array_equal(bank, bank[:, ::-1])  # zero phase
    np.testing.assert_allclose(bank.sum(0), np.eye(1, 43, 21)[0], atol=1e-15)
    np.testing.assert_allclose(bank.sum(1), [1, 0, 0, 0], atol=1e-15)  # a constant lies in the lowest band
    np.testing.assert_allclose((bank * (-1.0) ** np.arange(-21, 22)).sum(1), [0, 0, 0, 1], atol=1e-15)


def test_unit_gains_change_nothing():
    np.testing.assert_allclose(scale_bands(IMAGES, jnp.ones((2, 4))), IMAGES, atol=1e-6)


def test_filtering_is_a_convolution_of_the_reflected_image():
    gains = np.array([[0.5, 2, 1, 3], [1, 0.2, 4, 1]])
    filtered = scale_bands(IMAGES, jnp.asarray(gains))
    for image, taps, result in zip(IMAGES.astype(np.float64), gains @ filter_bank(), filtered, strict=True):
        expected = convolve1d(convolve1d(image, taps, axis=1, mode="mirror"), taps, axis=0, mode="mirror")
        np.testing.assert_allclose(result, expected, atol=2e-5)


def test_gains_keep_the_expected_power():
    for band in range(4):
        gains = np.asarray(band_gains(draws({f"band{band}": 0.9}))[0], np.float64)
        np.testing.assert_allclose((EXPECTED_POWER * gains**2).sum(), 1, rtol=1e-6)
        np.testing.assert_allclose(gains[band] / np.delete(gains, band), 2**N, rtol=1e-5)
    # Several bands multiply.
    both = band_gains(draws({"band1": 0.9, "band3": 0.2}))
    one, other = band_gains(draws({"band1": 0.9})), band_gains(draws({"band3": 0.2}))
    np.testing.assert_allclose(both, one * other, rtol=1e-5)
    np.testing.assert_array_equal(band_gains(draws({})), jnp.ones((2, 4)))


def test_images_too_small_for_the_filter_are_refused():
    with pytest.raises(ValueError, match="more than 21 pixels a side, not 21"):
        jax.eval_shape(scale_bands, jnp.zeros((1, 21, 30, 3)), jnp.ones((1, 4)))
