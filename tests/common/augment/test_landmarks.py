"""Properties of the augmentation: invariants, ranges and probabilities."""

import dataclasses
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from common.augment.landmarks import LandmarkAugmentation, augment
from common.ops.blur import gaussian_blur

NOTHING = LandmarkAugmentation(
    mirror=0, rotation=0, translation=0, scaling=0, occlusion=0, blur=0, brightness=0, contrast=0
)
MIRROR = (1, 0, 2, 4, 3)
KEY = jax.random.key(3)
B, K, SIZE = 8, 5, 32
IMAGES = jax.random.uniform(jax.random.key(0), (B, SIZE, SIZE, 3), minval=-1.0, maxval=1.0)
LANDMARKS = jax.random.uniform(jax.random.key(1), (B, K, 2), minval=8.0, maxval=23.0)
VISIBLE = jnp.ones((B, K)).at[2, 1].set(0)

jitted = jax.jit(augment, static_argnames=("config", "mirror", "size"))


def run(config, key=KEY, images=IMAGES, landmarks=LANDMARKS, visible=VISIBLE, size=SIZE):
    return jitted(key, images, landmarks, visible, config=config, mirror=MIRROR, size=size)


def pixels(size):
    """[1, size, size, 2]: the (x, y) of every pixel."""
    return np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1)[None]


def only(**changes):
    return dataclasses.replace(NOTHING, **changes)


def test_the_defaults_are_the_papers():
    config = LandmarkAugmentation()
    assert (config.mirror, config.upside_down, config.rotation) == (0.5, 0.0, 30.0)
    assert (config.translation, config.scaling) == (0.04, 0.05)
    assert (config.occlusion, config.occlusion_area, config.occlusion_aspect) == (0.5, (0.02, 0.33), (0.3, 3.3))
    assert (config.blur, config.brightness, config.brightness_factor) == (0.2, 0.45, (0.2, 1.8))
    assert (config.contrast, config.contrast_factor) == (0.45, (0.3, 2.0))


def test_nothing_drawn_changes_no_bit():
    for result, given in zip(run(NOTHING), (IMAGES, LANDMARKS, VISIBLE), strict=True):
        np.testing.assert_array_equal(result, given)


def test_nothing_drawn_cuts_the_centre_out():
    images, landmarks, _ = run(NOTHING, size=SIZE - 8)
    np.testing.assert_array_equal(images, IMAGES[:, 4:-4, 4:-4])
    np.testing.assert_allclose(landmarks, LANDMARKS - 4, atol=1e-5)


@pytest.mark.parametrize("fill", [-1.0, 0.25])
def test_what_lies_outside_is_fill(fill):
    images, _, _ = jitted(KEY, IMAGES, LANDMARKS, VISIBLE, config=NOTHING, mirror=MIRROR, size=SIZE + 8, fill=fill)
    np.testing.assert_array_equal(images[:, :3], np.full((B, 3, SIZE + 8, 3), fill))


@pytest.mark.parametrize("field, axis", [("mirror", 2), ("upside_down", 1)])
def test_a_flip_is_the_images_and_twice_is_nothing(field, axis):
    config = only(**{field: 1.0})
    once = run(config)
    np.testing.assert_array_equal(once[0], jnp.flip(IMAGES, axis))
    coordinate = 2 - axis  # x for columns, y for rows
    flipped = LANDMARKS.at[..., coordinate].set(SIZE - 1 - LANDMARKS[..., coordinate])
    np.testing.assert_allclose(once[1], flipped[:, jnp.array(MIRROR)], atol=1e-5)
    np.testing.assert_array_equal(once[2][2], [0, 1, 1, 1, 1])  # landmark 1 was hidden, and is called 0 now
    twice = run(config, jax.random.key(9), *once)
    np.testing.assert_array_equal(twice[0], IMAGES)
    np.testing.assert_allclose(twice[1], LANDMARKS, atol=1e-5)
    np.testing.assert_array_equal(twice[2], VISIBLE)


def test_both_flips_are_a_half_turn_and_rename_nothing():
    images, landmarks, visible = run(only(mirror=1.0, upside_down=1.0))
    np.testing.assert_array_equal(images, IMAGES[:, ::-1, ::-1])
    np.testing.assert_allclose(landmarks, SIZE - 1 - LANDMARKS, atol=1e-5)
    np.testing.assert_array_equal(visible, VISIBLE)


@pytest.mark.parametrize("side, size", [(91, 64), (64, 64)])
@pytest.mark.parametrize("seed", range(3))
def test_a_dot_stays_on_its_landmark(side, size, seed):
    """Centre of mass of a Gaussian dot drawn at landmark 2, which mirrors onto itself, under the paper's geometry."""
    key = jax.random.key(seed)
    # Occlusion and colour are off, because they move the centre of mass.
    config = dataclasses.replace(LandmarkAugmentation(), occlusion=0, brightness=0, contrast=0)
    landmarks = side / 2 + np.random.default_rng(seed).uniform(-0.2 * size, 0.2 * size, (16, K, 2)).astype(np.float32)
    distance = ((pixels(side) - landmarks[:, None, None, 2]) ** 2).sum(-1)
    dots = 2 * np.exp(-distance / (2 * 1.5**2)) - 1
    images = np.broadcast_to(dots[..., None], (16, side, side, 3)).astype(np.float32)
    images, landmarks, visible = map(np.asarray, run(config, key, images, landmarks, np.ones((16, K)), size))
    weight = (images[..., :1] + 1) / 2
    found = (weight * pixels(size)).sum((1, 2)) / weight.sum((1, 2))
    assert visible[:, 2].all()
    # Bilinear sampling and symmetric blur keep the centre of mass up to the discretisation of the dot.
    np.testing.assert_allclose(found, landmarks[:, 2], atol=0.1)


def test_a_landmark_that_leaves_the_image_loses_its_weight():
    landmarks = LANDMARKS.at[:, 0].set(jnp.array([[SIZE - 0.6, 0.0]])).at[:, 1].set(jnp.array([[SIZE - 0.4, 0.0]]))
    landmarks = landmarks.at[:, 3].set(jnp.array([[0.0, -0.6]]))
    _, _, visible = run(NOTHING, landmarks=landmarks, visible=jnp.ones((B, K)))
    np.testing.assert_array_equal(visible, np.tile([1, 0, 1, 0, 1], (B, 1)))


def test_the_key_alone_decides():
    config = LandmarkAugmentation()
    first, again, other = run(config), run(config), run(config, jax.random.key(4))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).any()


def test_every_image_draws_its_own():
    same = jnp.broadcast_to(LANDMARKS[:1], LANDMARKS.shape)
    _, landmarks, _ = run(LandmarkAugmentation(), landmarks=same)
    assert len(np.unique(np.round(landmarks[:, 2], 3), axis=0)) == B


def test_jit_changes_nothing():
    # Fusion reorders sums: a few units in the last place of coordinates up to 32, which linear interpolation passes on.
    plain = augment(KEY, IMAGES, LANDMARKS, VISIBLE, LandmarkAugmentation(), MIRROR, SIZE)
    for a, b in zip(plain, run(LandmarkAugmentation()), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert np.abs(plain[0]).max() <= 1  # clipped after every change of colour


def test_geometry_has_the_papers_ranges():
    """Two landmarks tell angle, factor and shift of each of 4,000 draws; probabilities within four standard errors."""
    config = dataclasses.replace(LandmarkAugmentation(), occlusion=0, blur=0, brightness=0, contrast=0)
    count, side, center = 4000, 4, 1.5
    points = jnp.array([[center, center], [center, center - 1], [center + 1, center]])
    arrays = jnp.zeros((count, side, side, 3)), jnp.tile(points, (count, 1, 1)), jnp.ones((count, 3))
    _, moved, _ = jitted(KEY, *arrays, config=config, mirror=(0, 1, 2), size=side)
    up, right = np.moveaxis(np.asarray(moved[:, 1:] - moved[:, :1]), 1, 0)
    angle, factor = np.degrees(np.arctan2(up[:, 0], -up[:, 1])), np.hypot(*up.T)
    mirrored = up[:, 0] * right[:, 1] - up[:, 1] * right[:, 0] < 0
    shift = np.asarray(moved[:, 0] - center) / side
    for values, limit in ((angle, 30), (factor - 1, 0.05), (shift[:, 0], 0.04), (shift[:, 1], 0.04)):
        assert 0.97 * limit < np.abs(values).max() <= 1.001 * limit
        np.testing.assert_allclose(values.std(), limit / math.sqrt(3), rtol=0.05)  # of a uniform distribution
        np.testing.assert_allclose(values.mean(), 0, atol=4 * limit / math.sqrt(3 * count))
    np.testing.assert_allclose(mirrored.mean(), 0.5, atol=4 * 0.5 / math.sqrt(count))


@pytest.mark.parametrize("field", ["occlusion", "blur", "brightness", "contrast"])
def test_probabilities(field):
    count, probability = 1000, getattr(LandmarkAugmentation(), field)
    images = jax.random.uniform(KEY, (count, 16, 16, 3), minval=-1.0, maxval=1.0)
    config = only(**{field: probability}, blur_sigma=(16.0, 32.0))  # 1 to 2 px here: no draw goes unseen
    landmarks, visible = jnp.zeros((count, K, 2)), jnp.ones((count, K))
    changed = (run(config, images=images, landmarks=landmarks, visible=visible, size=16)[0] != images).any((1, 2, 3))
    np.testing.assert_allclose(changed.mean(), probability, atol=4 * math.sqrt(probability * (1 - probability) / count))


def test_occlusion_is_a_rectangle_of_the_right_area_and_value():
    count, size = 500, 32
    images = jnp.ones((count, size, size, 3))
    config = only(occlusion=1.0, occlusion_value=0.25)
    landmarks, visible = jnp.full((count, K, 2), 15.0), jnp.ones((count, K))
    painted, _, still_visible = run(config, images=images, landmarks=landmarks, visible=visible)
    np.testing.assert_array_equal(np.unique(painted), [0.25, 1])
    np.testing.assert_array_equal(still_visible, visible)
    mask = np.asarray(painted[..., 0] != 1)
    rows, columns = mask.any(2), mask.any(1)
    np.testing.assert_array_equal(mask, rows[:, :, None] & columns[:, None, :])
    height, width = rows.sum(1), columns.sum(1)
    area, aspect = height * width / size**2, height / width
    # Sides are rounded to pixels: half a pixel of the shortest possible side, 32 * sqrt(0.02 / 3.3) = 2.5 px.
    assert 0.02 * 0.75 < area.min() and 0.31 < area.max() < 0.33 * 1.1
    assert 0.3 * 0.75 < aspect.min() < 0.4 and 2.7 < aspect.max() < 3.3 * 1.3
    np.testing.assert_allclose(area.mean(), 0.175, rtol=0.06)
    np.testing.assert_allclose(np.log(aspect).mean(), 0, atol=0.15)  # log-uniform, nearly symmetric
    corners = np.stack([rows.argmax(1) / (size - height), columns.argmax(1) / (size - width)])
    assert corners.min() == 0 and corners.max() == 1
    np.testing.assert_allclose(corners.mean(1), 0.5, atol=0.06)


def test_brightness_multiplies_and_contrast_keeps_the_mean():
    images = IMAGES / 4  # in [0.375, 0.625] of [0, 1]: a factor of 1.5 clips nothing
    darker = run(only(brightness=1.0, brightness_factor=(0.5, 0.5)), images=images)[0]
    np.testing.assert_allclose((darker + 1) / 2, (images + 1) / 4, atol=1e-6)
    stronger = run(only(contrast=1.0, contrast_factor=(1.5, 1.5)), images=images)[0]
    images = np.asarray(images)
    mean = images.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(stronger, mean + 1.5 * (images - mean), atol=1e-5)


def test_blur_is_a_gaussian():
    """The spread of a blurred point is the image's sigma in either direction; a sigma of 0 changes nothing."""
    point = jnp.zeros((3, 41, 41, 2)).at[:, 20, 20].set(1.0)
    sigma = jnp.array([0.0, 1.0, 2.0])
    blur = jax.jit(gaussian_blur, static_argnums=2)
    blurred = np.asarray(blur(point, sigma, 8))
    np.testing.assert_array_equal(blurred[0], point[0])
    np.testing.assert_allclose(blurred.sum((1, 2)), np.ones((3, 2)), rtol=1e-5)
    squares = (np.arange(41) - 20.0) ** 2
    for axis in (1, 2):
        spread = (blurred.sum(axis)[..., 0] * squares[None]).sum(-1)
        np.testing.assert_allclose(spread, sigma**2, rtol=2e-3)  # a cut at 4 sigma loses 0.1 % of the variance
    flat = jnp.full((1, 9, 9, 3), 0.3)
    np.testing.assert_allclose(blur(flat, jnp.array([2.0]), 6), flat, rtol=1e-5)


def test_a_sharded_batch_stays_where_it_is():
    """Four devices give the same numbers as one, and no image is sent between them."""
    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:4])
    batch = NamedSharding(mesh, PartitionSpec("data"))
    arrays = [jax.device_put(x, batch) for x in (IMAGES, LANDMARKS, VISIBLE)]
    function = jax.jit(lambda *a: augment(*a, LandmarkAugmentation(), MIRROR, SIZE), out_shardings=batch)
    compiled = function.lower(KEY, *arrays).compile()
    collectives = r"= (\S+) (?:all-gather|all-to-all|collective-permute|all-reduce)[\w-]*\("
    moved = re.findall(collectives, compiled.as_text())
    assert all("[]" in shape for shape in moved), moved  # scalars only: "does any image change colour?"
    for sharded, alone in zip(compiled(KEY, *arrays), run(LandmarkAugmentation()), strict=True):
        np.testing.assert_allclose(sharded, alone, atol=1e-4)
