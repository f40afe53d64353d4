"""Tests of `common.metrics.path_length`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.metrics.path_length import best_and_worst, face_crop, path_lengths, slerp, trimmed_mean

RNG = np.random.default_rng(0)
A, B = jnp.asarray(RNG.normal(size=(2, 6, 8)), jnp.float32)
TIMES = jnp.linspace(0, 1, 6)
PIXELS = jnp.asarray(RNG.normal(size=(8, 16 * 16 * 3)), jnp.float32) / 16


def mapping(z):
    return jnp.stack([2 * z, z - 1], axis=1)


def synthesis(ws):
    """A linear generator of 16 px images."""
    return (ws[:, 0] @ PIXELS + ws[:, 1] @ PIXELS[::-1]).reshape(-1, 16, 16, 3)


def squares(a, b):
    return jnp.square(a - b).sum((1, 2, 3))


@pytest.mark.parametrize("epsilon", [1e-1, 1e-2])
def test_a_linear_generator_has_one_length(epsilon):
    """Its images move evenly in W, so every position and every step gives the length of the whole path."""
    lengths = path_lengths(A, B, TIMES, mapping, synthesis, squares, epsilon=epsilon)
    whole = squares(synthesis(mapping(A)), synthesis(mapping(B)))
    np.testing.assert_allclose(lengths, whole, rtol=1e-3)


def test_in_z_the_path_is_an_arc():
    """The images of a generator that shows its latent move as far as the latent turns."""
    show = functools.partial(jnp.reshape, shape=(6, 2, 2, 2))
    lengths = path_lengths(A, B, TIMES, lambda z: z, show, squares, space="z", epsilon=1e-2)
    cos = (A * B).sum(1) / jnp.linalg.norm(A, axis=1) / jnp.linalg.norm(B, axis=1)
    np.testing.assert_allclose(lengths, jnp.arccos(cos) ** 2, rtol=1e-3)


def test_both_images_see_the_same_noise():
    def noisy(ws):
        return synthesis(ws) + jax.random.normal(jax.random.key(0), (len(ws), 16, 16, 3))

    lengths = [path_lengths(A, B, TIMES, mapping, g, squares, epsilon=0.1) for g in (synthesis, noisy)]
    np.testing.assert_allclose(*lengths, rtol=1e-3)


@pytest.mark.parametrize("size, crop, compared", [(64, False, 64), (64, True, 32), (512, False, 256), (512, True, 128)])
def test_what_the_distance_sees(size, crop, compared):
    shapes = []

    def distance(a, b):
        shapes.extend([a.shape, b.shape])
        return jnp.zeros(len(a))

    def images(ws):
        return jnp.zeros((len(ws), size, size, 3))

    path_lengths(A, B, TIMES, mapping, images, distance, crop=crop)
    assert shapes == [(6, compared, compared, 3)] * 2


def test_crop_is_where_the_face_is():
    rows, columns = jnp.meshgrid(jnp.arange(32.0), jnp.arange(32.0), indexing="ij")
    crop = face_crop(jnp.stack([rows, columns], -1)[None])[0]
    assert crop[0, 0].tolist() == [12, 8] and crop[-1, -1].tolist() == [27, 23]


def test_slerp():
    unit_a, unit_b = (x / jnp.linalg.norm(x, axis=1, keepdims=True) for x in (A, B))
    np.testing.assert_allclose(slerp(A, B, jnp.zeros(6)), unit_a, atol=1e-6)
    np.testing.assert_allclose(slerp(A, B, jnp.ones(6)), unit_b, atol=1e-6)
    np.testing.assert_allclose(slerp(A, B, TIMES), slerp(B, A, 1 - TIMES), atol=1e-6)
    np.testing.assert_allclose(jnp.linalg.norm(slerp(A, B, TIMES), axis=1), 1, rtol=1e-6)
    # Equal vectors define no direction to turn in; acos turns the rounding error of their cosine into its square root.
    np.testing.assert_allclose(slerp(A, A, TIMES), unit_a, atol=1e-3)


def test_the_whole_is_jittable():
    run = functools.partial(path_lengths, mapping=mapping, synthesis=synthesis, distance=squares, epsilon=1e-2)
    np.testing.assert_allclose(jax.jit(run)(A, B, TIMES), run(A, B, TIMES), rtol=1e-3)


def test_trimming_takes_whole_samples_off_both_ends():
    lengths = RNG.permutation(np.arange(1000.0) ** 2)
    # 1 % of 999 steps is 9.99: from the 9th (rounded down) to the 990th (rounded up), counted from 0.
    np.testing.assert_allclose(trimmed_mean(lengths), np.mean(np.arange(9.0, 991.0) ** 2), rtol=1e-12)
    assert trimmed_mean(lengths, 0, 100) == lengths.mean()


def test_best_and_worst():
    lengths = RNG.permutation(50.0 + np.arange(40))
    best, worst = best_and_worst(lengths)
    np.testing.assert_array_equal(lengths[best], [50, 51, 52, 53])
    np.testing.assert_array_equal(lengths[worst], [89, 88, 87, 86])


def test_bad_input_is_loud():
    with pytest.raises(ValueError, match="'w' or 'z', not in 'W'"):
        path_lengths(A, B, TIMES, mapping, synthesis, squares, space="W")
    with pytest.raises(AssertionError):
        path_lengths(A, B[:3], TIMES, mapping, synthesis, squares)
    with pytest.raises(AssertionError):
        path_lengths(A, B, TIMES[:3], mapping, synthesis, squares)
    with pytest.raises(AssertionError):
        face_crop(jnp.zeros((1, 16, 32, 3)))
