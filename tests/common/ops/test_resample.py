"""Tests of `common.ops.resample` against zero insertion and an ordinary convolution."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from common.ops.resample import BINOMIAL, downsample2d, filter2d, upsample2d

X = np.random.default_rng(0).normal(size=(2, 7, 6, 3))
SKEW = (0.5, -1.0, 2.0, 3.5, 1.0)  # not symmetric: a flipped filter shows


def reference(x, taps, up=1, down=1, padding=(0, 0), gain=1.0):
    """Zeros inserted, padded, convolved with the flipped taps by XLA, subsampled."""
    taps = np.asarray(taps)[::-1]
    pads = ((0, 0, 0), (*padding, up - 1), (*padding, up - 1), (0, 0, 0))
    # `lax.pad` inserts between pixels only, the definition after every pixel.
    x = lax.pad(jnp.asarray(x), jnp.zeros((), x.dtype), tuple((a, b + i, i) for a, b, i in pads))
    planes = x.transpose(0, 3, 1, 2).reshape(-1, *x.shape[1:3], 1)
    kernel = jnp.asarray(np.outer(taps, taps) * gain, x.dtype)[..., None, None]
    y = lax.conv_general_dilated(planes, kernel, (down, down), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y.reshape(x.shape[0], -1, *y.shape[1:3]).transpose(0, 2, 3, 1)


def derivatives(run, x):
    def loss(x):
        return jnp.sin(run(x)).sum()

    def everything(x):
        return run(x), jax.grad(loss)(x), jax.grad(lambda x: jnp.sin(jax.grad(loss)(x)).sum())(x)

    # The arrays are tiny: compiling takes the time.
    return jax.jit(everything, compiler_options={"xla_backend_optimization_level": 0})(x)


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2), (3, 2), (2, 4)])
@pytest.mark.parametrize(("taps", "padding"), [(SKEW, (3, 2)), (BINOMIAL, (1, -2)), ((1.0,), (0, 0))])
def test_filter2d_and_its_derivatives(up, down, taps, padding):
    arguments = dict(up=up, down=down, padding=padding, gain=1.7)
    with jax.enable_x64(True):
        ours = derivatives(functools.partial(filter2d, taps=taps, **arguments), X)
        theirs = derivatives(functools.partial(reference, taps=taps, **arguments), X)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())


def test_upsample_by_hand():
    """[1,3,3,1]: the nearer pixel counts 3/4, the farther one 1/4, and zero lies outside."""
    x = jnp.broadcast_to(jnp.array([4.0, 8.0])[None, :, None, None], (1, 2, 8, 1))
    inside = upsample2d(x)[0, :, 8, 0]
    np.testing.assert_allclose(inside, [3.0, 5.0, 7.0, 6.0], rtol=1e-6)


@pytest.mark.parametrize("taps", [BINOMIAL, (1.0, 1.0), (1.0, 4.0, 10.0, 10.0, 4.0, 1.0)])
def test_a_constant_stays(taps):
    constant = jnp.full((1, 16, 16, 1), 0.7)
    np.testing.assert_allclose(upsample2d(constant, taps)[0, 8:-8, 8:-8], 0.7, rtol=1e-5)
    np.testing.assert_allclose(downsample2d(constant, taps)[0, 3:-3, 3:-3], 0.7, rtol=1e-5)
    assert upsample2d(constant, taps).shape == (1, 32, 32, 1)
    assert downsample2d(constant, taps).shape == (1, 8, 8, 1)


def test_down_is_the_transpose_of_up():
    """<up(x), y> = 4 <x, down(y)> for a symmetric filter."""
    x, y = X[:, :6], np.random.default_rng(1).normal(size=(2, 12, 12, 3))
    with jax.enable_x64(True):
        left = jnp.vdot(upsample2d(jnp.asarray(x)), y)
        np.testing.assert_allclose(left, 4 * jnp.vdot(x, downsample2d(jnp.asarray(y))), rtol=1e-12)


def test_dtype_is_kept():
    assert upsample2d(jnp.ones((1, 4, 4, 1), jnp.bfloat16)).dtype == jnp.bfloat16


def test_too_small_an_image_is_loud():
    with pytest.raises(ValueError, match="taps"):
        filter2d(jnp.ones((1, 3, 3, 1)), BINOMIAL)
