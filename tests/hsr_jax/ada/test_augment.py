"""Tests the complete augmentation of StyleGAN2-ADA; tests/golden compares it with the reference's numbers."""

import dataclasses
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ada_reference import percentile
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from common.ops.resample import lowpass
from hsr_jax.ada.augment import PIPES, AugmentPipe, apply, augment, sample
from hsr_jax.ada.draws import EDGE, QUANTILES, AugmentationDraws, random_draws
from hsr_jax.ada.geometry import SYM6

B, SIZE = 8, 24
KEY = jax.random.key(0)
IMAGES = jax.random.uniform(jax.random.key(1), (B, SIZE, SIZE, 3), minval=-1.0, maxval=1.0)
ALL = PIPES["bgcfnc"]

augmented = jax.jit(augment, static_argnames="pipe")
applied = jax.jit(apply)


def test_pipes():
    """The paper's sets: 'b' pixel blitting, 'g' geometry, 'c' colour, 'f' filter, 'n' noise, 'c' cutout."""
    names = [field.name for field in dataclasses.fields(AugmentPipe)]
    enabled = {pipe: [name for name in names if getattr(PIPES[pipe], name)] for pipe in PIPES}
    assert enabled["blit"] == names[:3]
    assert enabled["geom"] == names[3:7]
    assert enabled["color"] == names[7:12]
    assert [enabled[name] for name in ("filter", "noise", "cutout")] == [["imgfilter"], ["noise"], ["cutout"]]
    for count, pipe in {7: "bg", 12: "bgc", 13: "bgcf", 14: "bgcfn", 15: "bgcfnc"}.items():
        assert enabled[pipe] == names[:count]


@pytest.mark.parametrize("pipe", PIPES)
def test_strength_zero_is_the_identity_bit_for_bit(pipe):
    np.testing.assert_array_equal(augmented(KEY, IMAGES, 0.0, PIPES[pipe]), IMAGES)


def test_a_tiny_strength_draws_nothing_and_resampling_loses_nothing():
    np.testing.assert_allclose(augmented(KEY, IMAGES, 1e-12, ALL), IMAGES, atol=2e-5)


@pytest.mark.parametrize("pipe", PIPES)
def test_full_strength_changes_every_image(pipe):
    result = augmented(KEY, IMAGES, 1.0, PIPES[pipe])
    assert result.shape == IMAGES.shape and result.dtype == IMAGES.dtype
    changed = jnp.abs(result - IMAGES).max((1, 2, 3)) > 1e-3
    assert changed.any() if pipe == "blit" else changed.all()  # blit may leave an image unchanged
    assert jnp.isfinite(result).all()


def test_one_compilation_for_all_strengths():
    traces = []

    @jax.jit
    def traced(key, images, p):
        traces.append(p)
        return augment(key, images, p, PIPES["color"])

    for p in (0.0, 0.3, 1.0, 1.7):
        traced(KEY, IMAGES, jnp.float32(p))
    assert len(traces) == 1


def test_strength_above_one_is_one():
    np.testing.assert_array_equal(augmented(KEY, IMAGES, 1.8, ALL), augmented(KEY, IMAGES, 1.0, ALL))


def test_the_key_decides_and_every_image_draws_its_own():
    np.testing.assert_array_equal(augmented(KEY, IMAGES, 0.8, ALL), augmented(KEY, IMAGES, 0.8, ALL))
    same = jnp.broadcast_to(IMAGES[:1], IMAGES.shape)
    results = np.asarray(augmented(KEY, same, 1.0, ALL))
    assert len(np.unique(results.reshape(B, -1), axis=0)) == B
    assert (results != augmented(jax.random.key(9), same, 1.0, ALL)).any()


def test_an_image_does_not_depend_on_the_others():
    parameters = sample(KEY, 1.0, IMAGES.shape, ALL)
    first = applied(IMAGES[:2], jax.tree.map(lambda x: x[:2], parameters))
    np.testing.assert_allclose(applied(IMAGES, parameters)[:2], first, atol=1e-5)


CENTER = (SIZE - 1) / 2
# Mean position of the low-pass's taps relative to tap 5, in pixels of the image. Enlarging moves an image by this
# distance, and reducing moves it back unless the image was turned in between.
DELAY = (np.arange(12) @ lowpass(SYM6) - 5) / 2


def waves(points):
    """Slow waves [..., 2], mirrored at the image's border, at points [..., (x, y)] relative to the centre."""
    x, y = np.moveaxis((points + CENTER) * np.pi / (SIZE - 1), -1, 0)
    return np.stack([np.cos(x) + np.cos(x) * np.cos(2 * y) / 2, np.cos(2 * x) - np.cos(y)], -1)


@pytest.mark.parametrize(
    ("pipe", "q", "linear"),
    [
        (AugmentPipe(xflip=1.0), 0.9, [[-1, 0], [0, 1]]),
        (AugmentPipe(xflip=1.0), 0.1, [[1, 0], [0, 1]]),
        *((AugmentPipe(rotate90=1.0), (n + 0.5) / 4, np.linalg.matrix_power([[0, -1], [1, 0]], n)) for n in range(4)),
    ],
)
def test_mirrors_and_quarter_turns(pipe, q, linear):
    grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1)[None] - CENTER
    images = jnp.asarray(waves(grid), jnp.float32)
    parameters = percentile(KEY, q, images.shape, pipe)
    once = applied(images, parameters)
    # Because of the vanishing moments the error is of third order in the waves' frequency, a tenth of the displacement.
    expected = waves((grid + DELAY) @ np.array(linear).T - DELAY)
    np.testing.assert_allclose(once, expected, atol=2e-3)
    if pipe.xflip:
        np.testing.assert_allclose(applied(once, parameters), images, atol=1e-3)


def test_cutout_is_a_square_of_half_the_side():
    ones = jnp.ones((400, SIZE, 2 * SIZE, 1))
    parameters = sample(KEY, 1.0, ones.shape, AugmentPipe(cutout=1.0))
    hole = np.asarray(applied(ones, parameters))[..., 0] == 0
    rows, columns = hole.any(2), hole.any(1)
    np.testing.assert_array_equal(hole, rows[:, :, None] & columns[:, None, :])
    assert rows.sum(1).max() == SIZE // 2 and columns.sum(1).max() == SIZE
    # Centres lie anywhere in the image, so on average an eighth of the square is outside along each axis: 1/2 - 1/16.
    np.testing.assert_allclose(rows.mean(), 7 / 16, rtol=0.05)
    np.testing.assert_allclose(columns.mean(), 7 / 16, rtol=0.05)


def test_noise_is_white_with_one_deviation_per_image():
    zeros = jnp.zeros((64, 32, 32, 3))
    parameters = sample(KEY, 1.0, zeros.shape, AugmentPipe(noise=1.0))
    noise = np.asarray(applied(zeros, parameters))
    sigma = np.asarray(parameters.noise[0])
    # The standard deviation of 3,072 numbers per image has a relative standard error of 1.3 %.
    np.testing.assert_allclose(noise.std((1, 2, 3)), sigma, rtol=0.06)
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[0].ravel() / sigma[0], noise[1].ravel() / sigma[1])[0, 1]) < 0.08


def test_distributions():
    """The tolerances are about four standard errors of 20,000 draws."""
    count = 20_000
    draws = random_draws(KEY, count, dict.fromkeys(QUANTILES, 1.0))
    for value in (draws.gaussian("scale", 0.2), draws.gaussian("xfrac", 0.2)[:, 1]):
        assert np.isfinite(value).all()
        np.testing.assert_allclose(np.mean(value), 0, atol=4 * 0.2 / math.sqrt(count))
        np.testing.assert_allclose(np.std(value), 0.2, rtol=0.02)
        np.testing.assert_allclose(np.mean(np.abs(value) > 0.4), 0.0455, atol=0.006)
    np.testing.assert_allclose(np.mean(draws.half_gaussian("noise", 0.1)), 0.1 * math.sqrt(2 / math.pi), rtol=0.03)
    angle = draws.uniform("hue", math.pi)
    assert -math.pi <= angle.min() < -3.1 and 3.1 < angle.max() <= math.pi
    np.testing.assert_allclose(np.bincount(np.asarray(draws.integer("rotate90", 4), int)) / count, 0.25, atol=0.015)
    # Axes are independent of each other.
    assert abs(np.corrcoef(np.asarray(draws.quantiles["xint"]).T)[0, 1]) < 0.03


def test_probabilities():
    """A change applies with probability p times its multiplier; for rotations, at least one of the two does."""
    count, p = 20_000, 0.6
    pipe = dataclasses.replace(PIPES["bgc"], rotate=0.5, scale=0.0, brightness=0.25)
    matrix, colour = sample(KEY, p, (count, 8, 8, 3), dataclasses.replace(pipe, xflip=0, rotate90=0, aniso=0))[:2]
    tolerance = 4 * 0.5 / math.sqrt(count)
    # Without mirror and stretch the matrix is the product of the two rotations.
    rotated = np.abs(np.asarray(matrix[:, 0, 1])) > 1e-6
    np.testing.assert_allclose(rotated.mean(), p * 0.5, atol=tolerance)
    np.testing.assert_allclose(np.linalg.det(matrix[..., :2]), 1, atol=1e-5)
    np.testing.assert_allclose((np.asarray(colour[:, 0, 3]) != 0).mean(), p * 0.25, atol=tolerance)


def test_extreme_quantiles_stay_finite():
    edge = jnp.array([EDGE, 1 - EDGE])
    draws = AugmentationDraws({"scale": jnp.ones(2, bool)}, {"scale": edge})
    np.testing.assert_allclose(draws.gaussian("scale", 1.0), [-5.2947, 5.2947], rtol=1e-4)
    assert jnp.isfinite(draws.half_gaussian("scale", 1.0)).all()


def test_second_derivatives():
    """d/dx <grad f, v> equals differences of the gradient; R1 differentiates twice through the augmentation."""
    pipe = dataclasses.replace(ALL, noise=0.0)
    with jax.enable_x64(True):
        images = jnp.asarray(IMAGES[:2], jnp.float64)
        direction = jax.random.normal(KEY, images.shape, jnp.float64)
        parameters = sample(KEY, 1.0, images.shape, pipe)
        gradient = jax.jit(jax.grad(lambda images: jnp.sin(2 * apply(images, parameters)).sum()))
        product = jax.grad(lambda images: jnp.vdot(gradient(images), direction))(images)
        step = 1e-5
        difference = (gradient(images + step * direction) - gradient(images - step * direction)) / (2 * step)
        np.testing.assert_allclose(product, difference, atol=1e-6 * jnp.abs(product).max())


def test_strength_zero_has_the_gradient_of_the_identity():
    """One compiled program holds both branches."""
    total = lambda images, p: (augment(KEY, images, p, PIPES["bgc"]) ** 2).sum()
    gradient = jax.jit(jax.grad(total))
    np.testing.assert_array_equal(gradient(IMAGES, 0.0), 2 * IMAGES)
    assert (gradient(IMAGES, 1.0) != 2 * IMAGES).any()


def test_a_sharded_batch_stays_where_it_is():
    """Four devices give the same numbers as one, and send no image to each other."""
    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:4])
    batch = NamedSharding(mesh, PartitionSpec("data"))
    images = jax.device_put(IMAGES, batch)
    compiled = jax.jit(augment, static_argnames="pipe", out_shardings=batch).lower(KEY, images, 0.9, ALL).compile()
    collectives = r"= (\S+) (?:all-gather|all-to-all|collective-permute|all-reduce)[\w-]*\("
    assert re.findall(collectives, compiled.as_text()) == []
    np.testing.assert_allclose(compiled(KEY, images, 0.9), augmented(KEY, IMAGES, 0.9, ALL), atol=1e-5)
