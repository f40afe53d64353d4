"""Tests of `common.ops.heatmaps`."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.ops import heatmaps

# Compiled functions: one compilation per function takes a tenth of the time of one per operation.
render_gaussian = jax.jit(heatmaps.render_gaussian, static_argnums=1)
render_fabrec = jax.jit(heatmaps.render_fabrec, static_argnums=(1, 2))
local_soft_argmax = jax.jit(heatmaps.decode_local_soft_argmax, static_argnums=(1, 2))
decode_argmax, decode_quarter, decode_smoothed_argmax, soft_argmax = (
    jax.jit(function)
    for function in (
        heatmaps.decode_argmax,
        heatmaps.decode_quarter,
        heatmaps.decode_smoothed_argmax,
        heatmaps.soft_argmax,
    )
)

SIZE = 48
INSIDE = np.random.default_rng(0).uniform(12.0, SIZE - 13.0, (3, 20, 2)).astype(np.float32)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_gaussian_by_definition():
    rendered = render_gaussian(INSIDE, SIZE, 1.7)
    (x, y), sigma = np.array(INSIDE[1, 4], np.float64), 1.7
    rows, columns = np.mgrid[:SIZE, :SIZE]
    expected = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    assert rendered.shape == (3, SIZE, SIZE, 20)
    np.testing.assert_allclose(rendered[1, :, :, 4], expected, atol=1e-5)


def test_gaussian_outside_the_image_shows_its_flank():
    rendered = render_gaussian(jnp.array([[[-2.0, 5.0], [-500.0, 5.0]]]), 16, 2.0)
    np.testing.assert_allclose(rendered[0, 5, 0], [np.exp(-0.5), 0.0], rtol=1e-6)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 3.0])
def test_local_soft_argmax_is_precise_inside(sigma):
    decoded = local_soft_argmax(render_gaussian(INSIDE, SIZE, sigma), round(2 * sigma))
    np.testing.assert_allclose(decoded, INSIDE, atol=0.01)
    decoded = local_soft_argmax(render_gaussian(INSIDE, SIZE, sigma), math.ceil(1.5 * sigma))
    np.testing.assert_allclose(decoded, INSIDE, atol=0.02)


def test_local_soft_argmax_of_logits():
    logits = 3.0 * jnp.log(render_gaussian(INSIDE, SIZE, 1.5)) + 100
    np.testing.assert_allclose(local_soft_argmax(logits, 3, 3.0), INSIDE, atol=0.01)


def test_local_soft_argmax_ignores_what_is_elsewhere():
    """A second, lower blob does not move the result, though it moves the global soft-argmax."""
    maps = render_gaussian(INSIDE, SIZE, 1.5)
    ghost = render_gaussian(np.zeros_like(INSIDE), SIZE, 1.5)
    np.testing.assert_allclose(local_soft_argmax(maps + 0.8 * ghost, 3), local_soft_argmax(maps, 3), atol=1e-4)


def test_local_soft_argmax_beats_the_others_in_noise():
    noisy = render_gaussian(INSIDE, SIZE, 2.0) + 0.05 * normal(3, SIZE, SIZE, 20)
    decoded = (local_soft_argmax(noisy, 3), decode_quarter(noisy), decode_argmax(noisy))
    local, quarter, argmax = (np.sqrt(np.square(landmarks - INSIDE).mean()) for landmarks in decoded)
    assert local < 0.1 < quarter < argmax


def test_local_soft_argmax_at_the_border():
    """Half of a blob on the border is missing: the result moves inward by at most 0.8 sigma, never out of the image."""
    on_border = jnp.array([[[0.0, 20.0], [SIZE - 1.0, 20.0], [20.0, 0.0], [SIZE - 1.0, SIZE - 1.0]]])
    decoded = local_soft_argmax(render_gaussian(on_border, SIZE, 2.0), 4)
    shift = np.abs(decoded - on_border)
    assert shift.max() < 0.8 * 2.0 and (decoded >= 0).all() and (decoded <= SIZE - 1).all()
    np.testing.assert_allclose(decoded[0, 0, 1], 20.0, atol=0.01)  # along the border nothing is missing


def test_nothing_positive_gives_the_highest_pixel():
    maps = jnp.full((1, 9, 9, 1), -1.0).at[0, 2, 7, 0].set(-0.5)
    np.testing.assert_array_equal(local_soft_argmax(maps, 2), [[[7.0, 2.0]]])


def test_quarter_shift():
    decoded = decode_quarter(render_gaussian(INSIDE, SIZE, 2.0))
    np.testing.assert_allclose(decoded, INSIDE, atol=0.25 + 1e-6)
    whole = np.round(INSIDE)
    np.testing.assert_allclose(decoded, whole + np.sign(INSIDE - whole) / 4)


def test_quarter_shift_stays_on_the_border():
    corner = jnp.array([[[0.0, SIZE - 1.0], [0.0, 9.3]]])
    decoded = decode_quarter(render_gaussian(corner, SIZE, 2.0))
    np.testing.assert_array_equal(decoded, [[[0.0, SIZE - 1.0], [0.0, 9.25]]])


def test_argmax_takes_the_first_of_equals_in_row_major_order():
    maps = np.zeros((1, 5, 7, 2), np.float32)
    maps[0, (3, 2, 2), (1, 6, 4), 0] = 2
    np.testing.assert_array_equal(decode_argmax(maps), [[[4.0, 2.0], [0.0, 0.0]]])
    random = normal(2, 5, 7, 3)
    flat = np.asarray(random).reshape(2, 35, 3).argmax(1)
    np.testing.assert_array_equal(decode_argmax(random), np.stack([flat % 7, flat // 7], -1))


def test_box_mean_by_definition():
    maps = normal(2, 7, 6, 3)
    padded = np.pad(maps, ((0, 0), (2, 2), (2, 2), (0, 0)))
    expected = [[padded[:, y : y + 5, x : x + 5].sum((1, 2)) / 25 for x in range(6)] for y in range(7)]
    np.testing.assert_allclose(heatmaps.box_mean(maps, 5), np.moveaxis(expected, 2, 0), atol=1e-6)
    with pytest.raises(ValueError, match="even"):
        heatmaps.box_mean(maps, 4)


def test_smoothing_removes_a_lonely_pixel():
    maps = render_gaussian(jnp.full((1, 1, 2), 20.0), SIZE, 3.0).at[0, 40, 40, 0].set(1.5)
    np.testing.assert_array_equal(decode_argmax(maps), [[[40.0, 40.0]]])
    np.testing.assert_array_equal(decode_smoothed_argmax(maps), [[[20.0, 20.0]]])
    np.testing.assert_array_equal(heatmaps.confidence(maps), [[1.0]])


def test_soft_argmax():
    logits = 2.0 * jnp.log(jnp.maximum(render_gaussian(INSIDE, SIZE, 2.0), 1e-30))
    np.testing.assert_allclose(soft_argmax(logits), INSIDE, atol=1e-3)
    probabilities = heatmaps.spatial_softmax(logits)
    np.testing.assert_allclose(probabilities.sum((1, 2)), np.ones((3, 20)), rtol=1e-5)
    np.testing.assert_allclose(soft_argmax(logits + 50), soft_argmax(logits), atol=1e-3)


def test_soft_argmax_gradient_is_the_distance_to_the_mean():
    """d x / d logit_i = p_i (x_i - x)."""
    logits = normal(1, 4, 5, 1)
    gradient = jax.jit(jax.grad(lambda l: soft_argmax(l)[0, 0, 0]))(logits)
    x = soft_argmax(logits)[0, 0, 0]
    expected = heatmaps.spatial_softmax(logits) * (jnp.arange(5)[None, None, :, None] - x)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


@pytest.mark.parametrize("temperature", [None, 0.5])
def test_local_soft_argmax_gradient(temperature):
    """Moving weight to the right of the peak moves the result to the right; distant pixels have no influence."""
    maps = render_gaussian(jnp.full((1, 1, 2), 20.3), SIZE, 2.0)
    gradient = jax.jit(jax.grad(lambda h: local_soft_argmax(h, 4, temperature)[0, 0, 0]))(maps)[0, :, :, 0]
    assert np.isfinite(gradient).all()
    assert gradient[20, 22] > 0 > gradient[20, 18]
    assert (gradient[:, 27:] == 0).all() and (gradient[27:] == 0).all()


def test_fabrec_positions():
    """Rounded half up inside; up to a pixel inward near the left and upper border; clamped beyond the far ones."""
    xy = jnp.array([[[20.49, 20.5], [0.0, 5.3], [300.0, 40.0]]])
    maps = render_fabrec(xy, SIZE, 7.0)
    np.testing.assert_array_equal(decode_argmax(maps), [[[20, 21], [1, 6], [SIZE - 1, 40]]])
    window = maps[0, :, :, 0] > 0
    assert window.any(1).sum() == 35 and window.any(0).sum() == 35
    assert not render_fabrec(jnp.full((1, 3, 2), -40.0), SIZE, 7.0).any()


def test_rescale():
    points = 60 * normal(2, 5, 2) + 128
    np.testing.assert_allclose(heatmaps.rescale(heatmaps.rescale(points, 256, 64), 64, 256), points, atol=1e-4)
    # Four pixels of the large image are one of the small: the middle of the first four is the first.
    np.testing.assert_allclose(heatmaps.rescale(jnp.array([1.5, 253.5]), 256, 64), [0.0, 63.0])


DECODERS = {
    "argmax": decode_argmax,
    "smoothed": decode_smoothed_argmax,
    "quarter": decode_quarter,
    "local": lambda maps: local_soft_argmax(maps, 3),
    "soft": soft_argmax,
}


@pytest.mark.parametrize("name", DECODERS)
def test_decoders_are_equivariant(name):
    """Shifted maps decode to shifted landmarks, in float32, on maps that are not square."""
    decode = DECODERS[name]
    maps = 20 * render_gaussian(INSIDE, SIZE, 1.5)[:, 4:]
    shifted = jnp.roll(maps, (3, -2), (1, 2))
    expected = decode(maps) + jnp.array([-2.0, 3.0])[None, None]
    result = decode(shifted)
    assert result.dtype == jnp.float32 and result.shape == (3, 20, 2)
    # The soft-argmax of the whole map is pulled to its middle by the flat background of 1 / e^20 per pixel.
    np.testing.assert_allclose(result, expected, atol=1e-3)


@pytest.mark.parametrize("name", DECODERS)
def test_low_precision_maps_decode_to_float32(name):
    assert DECODERS[name](render_gaussian(INSIDE, SIZE, 1.5).astype(jnp.bfloat16)).dtype == jnp.float32
