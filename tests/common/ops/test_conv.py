"""Tests of `common.ops.conv` and `common.ops.conv_scaled` against XLA's own convolution and gradients."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from common.ops.conv import conv2d
from common.ops.conv_scaled import conv2d_down, conv2d_up
from common.ops.resample import BINOMIAL

# The arrays are tiny: compiling takes the time.
QUICK = {"xla_backend_optimization_level": 0}
# Sizes on both sides of the choice between the two weight gradients, kernels smaller than the stride, odd sizes.
CASES = [
    # size, kernel, C_in, C_out, stride, padding
    ((7, 6), 3, 3, 5, 1, "SAME"),
    ((6, 7), 3, 3, 5, 2, "SAME"),
    ((8, 5), 3, 64, 64, 1, "SAME"),
    ((6, 6), 3, 64, 65, 2, 1),
    ((6, 5), 1, 4, 3, 1, 0),
    ((6, 5), 1, 4, 3, 2, 0),
    ((6, 5), 1, 3, 4, 1, 0),
    ((5, 6), 1, 3, 4, 2, 0),
    ((5, 7), 2, 3, 4, 1, ((1, 0), (0, 1))),
    ((9, 8), 4, 3, 4, 2, "VALID"),
    ((7, 9), 3, 2, 3, 1, ((0, 3), (-1, 1))),
    ((10, 11), 5, 2, 3, 3, 2),
    ((33, 32), 3, 2, 3, 1, "SAME"),
    ((32, 33), 3, 4, 2, 1, ((1, 1), (0, 2))),
    ((65, 64), 3, 2, 3, 2, 1),
    ((65, 64), 3, 4, 2, 2, 1),
]


def reference(x, kernel, stride, padding):
    """XLA's convolution, differentiated by XLA."""
    if padding == "SAME":
        padding = [(n // 2, n // 2) for n in kernel.shape[:2]]
    elif isinstance(padding, int):
        padding = [(padding, padding)] * 2
    dimensions = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=dimensions)


def arrays(size, kernel, c_in, c_out, dtype):
    random = np.random.default_rng(0)
    x, weights = random.normal(size=(2, *size, c_in)), random.normal(size=(kernel, kernel, c_in, c_out)) / kernel
    return jnp.asarray(x, dtype), jnp.asarray(weights, dtype)


def derivatives(convolve, x, kernel):
    """Value, gradient, and the gradient of a nonlinear function of the gradient."""

    def loss(x, kernel):
        return jnp.sin(convolve(x, kernel)).sum()

    def penalty(x, kernel):
        return sum(jnp.sum(jnp.sin(g) * g) for g in jax.grad(loss, (0, 1))(x, kernel))

    def everything(*args):
        return convolve(*args), jax.grad(loss, (0, 1))(*args), jax.grad(penalty, (0, 1))(*args)

    return jax.jit(everything, compiler_options=QUICK)(x, kernel)


@pytest.fixture
def float64():
    """Double precision, in which two orders of summation agree to about 1e-13."""
    with jax.enable_x64(True):
        yield jnp.float64


@pytest.mark.parametrize(("size", "kernel", "c_in", "c_out", "stride", "padding"), CASES)
def test_derivatives_agree_with_xla(float64, size, kernel, c_in, c_out, stride, padding):
    x, weights = arrays(size, kernel, c_in, c_out, float64)
    ours = derivatives(functools.partial(conv2d, stride=stride, padding=padding), x, weights)
    theirs = derivatives(functools.partial(reference, stride=stride, padding=padding), x, weights)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize(("size", "by_image"), [((7, 6), False), ((33, 32), True)])
def test_both_weight_gradients_are_reached(size, by_image):
    """The size chooses the program on a CPU (a loop over images or none): else the test above would cover only one."""
    x, kernel = arrays(size, 3, 4, 5, jnp.float32)
    traced = jax.jit(jax.grad(lambda k: conv2d(x, k).sum())).trace(kernel)
    assert ("stablehlo.while" in traced.lower(lowering_platforms=("cpu",)).as_text()) == by_image


@pytest.mark.parametrize("stride", [1, 2])
def test_other_platforms_get_plain_convolutions(stride):
    """The choice follows the platform the program is lowered for, here one that this machine may not have."""
    x, kernel = arrays((6, 6), 3, 64, 64, jnp.float32)
    traced = jax.jit(jax.grad(lambda k, x: jnp.square(conv2d(x, k, stride)).sum(), (0, 1))).trace(kernel, x)
    counts = {p: traced.lower(lowering_platforms=(p,)).as_text().count("dot_general") for p in ("cpu", "tpu", "cuda")}
    assert counts == {"cpu": 9, "tpu": 0, "cuda": 0}


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_gradients_are_ours_on_a_cpu(stride):
    """A gradient that goes back through a gradient and its forward pass has no convolution in XLA's form of a gradient,
    whose kernel is as large as the image: 6 times slower for the path lengths of images of 256 px."""

    def loss(kernel, x):
        layer = lambda x: jnp.square(conv2d(jnp.square(x), kernel, stride)).sum()
        return jnp.square(jax.grad(layer)(x)).sum()

    x, kernel = jnp.zeros((2, 12, 12, 3)), jnp.zeros((3, 3, 3, 4))
    text = jax.jit(jax.grad(loss)).trace(kernel, x).lower(lowering_platforms=("cpu",)).as_text()
    forms = re.findall(r"dim_numbers = (.*?), window", text)
    assert forms and set(forms) == {"[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"}


def test_bfloat16_accumulates_in_float32():
    x, kernel = arrays((16, 16), 3, 64, 64, jnp.bfloat16)
    gradient = jax.grad(lambda k, x: conv2d(x, k).astype(jnp.float32).sum())
    exact = gradient(kernel.astype(jnp.float32), x.astype(jnp.float32))
    actual = gradient(kernel, x)
    assert actual.dtype == jnp.bfloat16
    # one rounding to 8 bits at the end, instead of one for each of the 512 terms
    np.testing.assert_allclose(actual.astype(jnp.float32), exact, rtol=2**-8, atol=1e-3)


def test_same_padding_is_symmetric_at_stride_two():
    """An impulse at the first pixel of an even image: `lax` would pad 'SAME' by (0, 1), PyTorch by (1, 1)."""
    x = jnp.zeros((1, 4, 4, 1)).at[0, 0, 0, 0].set(1.0)
    y = conv2d(x, jnp.arange(9.0).reshape(3, 3, 1, 1), stride=2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[4, 0], [0, 0]])


def test_vmap_over_samples():
    x, kernel = arrays((6, 6), 3, 64, 64, jnp.float32)
    gradient = jax.grad(lambda k, x: jnp.square(conv2d(x[None], k)).sum())
    per_sample = jax.vmap(gradient, (None, 0))(kernel, x)
    for i in range(len(x)):
        np.testing.assert_allclose(per_sample[i], gradient(kernel, x[i]), rtol=1e-4, atol=1e-3)


def test_forward_mode_is_refused():
    x, kernel = arrays((6, 6), 3, 4, 5, jnp.float32)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda x: conv2d(x, kernel), (x,), (x,))


def up_reference(x, kernel):
    """The definition: insert zeros, convolve truly with the kernel, convolve with the symmetric low-pass, gain 4."""
    taps = np.asarray(BINOMIAL) / np.sum(BINOMIAL)
    low_pass = jnp.asarray(np.outer(taps, taps), x.dtype)[:, :, None, None]
    zeros = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (0, 0, 1), (0, 0, 1), (0, 0, 0)))
    z = reference(zeros, kernel[::-1, ::-1], 1, 2)
    z = z.transpose(0, 3, 1, 2).reshape(-1, *z.shape[1:3], 1)
    y = 4 * reference(z, low_pass, 1, 1)
    return y.reshape(x.shape[0], -1, *y.shape[1:3]).transpose(0, 2, 3, 1)


def test_up_convolution_keeps_a_constant_inside():
    y = conv2d_up(jnp.ones((1, 6, 6, 1)), jnp.zeros((3, 3, 1, 1)).at[1, 1].set(1.0))
    np.testing.assert_allclose(y[0, 2:-2, 2:-2], 1.0, rtol=1e-6)


def test_up_convolution_refuses_other_kernels():
    with pytest.raises(ValueError, match="kernel"):
        conv2d_up(jnp.ones((1, 4, 4, 1)), jnp.ones((5, 5, 1, 1)))


def down_reference(x, kernel):
    """The definition: pads of 2, convolution with the low-pass, correlation of stride 2."""
    taps = np.asarray(BINOMIAL) / np.sum(BINOMIAL)
    z = x.transpose(0, 3, 1, 2).reshape(-1, *x.shape[1:3], 1)
    z = reference(z, jnp.asarray(np.outer(taps, taps), x.dtype)[:, :, None, None], 1, 2)
    z = z.reshape(x.shape[0], -1, *z.shape[1:3]).transpose(0, 2, 3, 1)
    return reference(z, kernel, 2, 0)


@pytest.mark.parametrize(
    ("convolve", "definition", "size", "channels", "size_out"),
    [
        (conv2d_up, up_reference, (5, 4), (3, 5), (10, 8)),
        (conv2d_up, up_reference, (5, 4), (64, 64), (10, 8)),
        (conv2d_down, down_reference, (8, 6), (3, 5), (4, 3)),
    ],
)
def test_scaling_convolutions(float64, convolve, definition, size, channels, size_out):
    x, kernel = arrays(size, 3, *channels, float64)
    ours, theirs = derivatives(convolve, x, kernel), derivatives(definition, x, kernel)
    assert ours[0].shape == (2, *size_out, channels[1])
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize("size", [1, 3, 5])
def test_halved_pixels_lie_between_pairs(size):
    """A ramp x becomes the ramp 2 x + 1/2 away from the border: pixel m is the middle of pixels 2 m and 2 m + 1."""
    ramp = jnp.broadcast_to(jnp.arange(16.0)[None, None, :, None], (1, 16, 16, 1))
    centre = jnp.zeros((size, size, 1, 1)).at[size // 2, size // 2].set(1.0)
    y = conv2d_down(ramp, centre)[0, 2:-2, 2:-2, 0]
    np.testing.assert_allclose(y, np.tile(2 * np.arange(2.0, 6.0) + 0.5, (4, 1)), rtol=1e-6)


@pytest.mark.parametrize(("sides", "kernel"), [((7, 8), 3), ((8, 8), 2)])
def test_down_convolution_refuses_other_sizes(sides, kernel):
    with pytest.raises(ValueError, match="even sides"):
        conv2d_down(jnp.ones((1, *sides, 1)), jnp.ones((kernel, kernel, 1, 1)))
