"""Tests of `common.ops.conv_scaled` against its definition with XLA's own convolutions and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from common.ops.conv_scaled import conv2d_down
from common.ops.resample import BINOMIAL

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def definition(x, kernel):
    """Convolution with the low-pass, pads of 2, then correlation of stride 2."""
    taps = np.asarray(BINOMIAL) / np.sum(BINOMIAL)
    low_pass = np.outer(taps, taps)[:, :, None, None]
    low_pass = jnp.asarray(np.tile(low_pass, (1, 1, 1, x.shape[3])), x.dtype)
    pads, channels = ((2, 2), (2, 2)), x.shape[3]
    z = lax.conv_general_dilated(x, low_pass, (1, 1), pads, dimension_numbers=DIMENSIONS, feature_group_count=channels)
    return lax.conv_general_dilated(z, kernel, (2, 2), "VALID", dimension_numbers=DIMENSIONS)


def test_value_and_two_derivatives():
    random = np.random.default_rng(0)

    def everything(convolve, x, kernel):
        loss = lambda x, kernel: jnp.sin(convolve(x, kernel)).sum()
        penalty = lambda x, kernel: jnp.square(jax.grad(loss)(x, kernel)).sum()
        return convolve(x, kernel), jax.grad(loss, (0, 1))(x, kernel), jax.grad(penalty, (0, 1))(x, kernel)

    with jax.enable_x64(True):
        x, kernel = (jnp.asarray(random.normal(size=shape)) for shape in ((2, 8, 6, 3), (3, 3, 3, 5)))
        ours, theirs = everything(conv2d_down, x, kernel), everything(definition, x, kernel)
    assert ours[0].shape == (2, 4, 3, 5)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize("size", [1, 3, 5])
def test_pixels_lie_between_pairs(size):
    """A ramp x becomes the ramp 2 x + 1/2 away from the border: pixel m is the middle of pixels 2 m and 2 m + 1."""
    ramp = jnp.broadcast_to(jnp.arange(16.0)[None, None, :, None], (1, 16, 16, 1))
    centre = jnp.zeros((size, size, 1, 1)).at[size // 2, size // 2].set(1.0)
    y = conv2d_down(ramp, centre)[0, 2:-2, 2:-2, 0]
    np.testing.assert_allclose(y, np.tile(2 * np.arange(2.0, 6.0) + 0.5, (4, 1)), rtol=1e-6)


@pytest.mark.parametrize(("sides", "kernel"), [((7, 8), 3), ((8, 8), 2)])
def test_other_sizes_are_refused(sides, kernel):
    with pytest.raises(ValueError, match="even sides"):
        conv2d_down(jnp.ones((1, *sides, 1)), jnp.ones((kernel, kernel, 1, 1)))
