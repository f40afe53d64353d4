"""Tests of `common.ops.pixels`."""

import jax.numpy as jnp
import numpy as np
import pytest

from common.ops.pixels import HSR, IMAGENET, as_float, preprocess, stylegan2_ada_uint8

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 12, 12, 3)).astype(np.float32)


def test_areas_are_averaged_and_colours_normalised():
    result = preprocess(IMAGES, 4)
    blocks = IMAGES.reshape(2, 4, 3, 4, 3, 3).mean((2, 4))
    expected = (blocks / 2 + 0.5 - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_the_mixed_pair_differs_by_a_constant_per_colour():
    difference = np.asarray(preprocess(IMAGES, 4, IMAGENET)) - np.asarray(preprocess(IMAGES, 4, HSR))
    expected = (np.array(HSR.mean) - np.array(IMAGENET.mean)) / np.array(IMAGENET.std)
    np.testing.assert_allclose(difference, np.broadcast_to(expected, difference.shape), atol=1e-5)
    assert np.abs(expected).max() > 5e-3


def test_smaller_images_repeat_pixels():
    np.testing.assert_allclose(preprocess(IMAGES, 24)[:, ::2, 1::2], preprocess(IMAGES, 12), atol=1e-6)


def test_uint8_and_back():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(stylegan2_ada_uint8(as_float(jnp.asarray(levels))), levels)
    truncated = stylegan2_ada_uint8(jnp.asarray([-3.0, 0.0, 0.99, 1.0, 3.0]))
    np.testing.assert_array_equal(truncated, [0, 128, 254, 255, 255])
    assert truncated.dtype == jnp.uint8


def test_other_shapes_are_loud():
    with pytest.raises(ValueError, match=r"must be \[B, H, W, 3\]"):
        preprocess(IMAGES[..., :1])
