"""Tests the controller of the augmentation's strength."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hsr_jax.ada.controller import next_p

STEP = 64 * 4 / 500_000
after = functools.partial(next_p, images=64 * 4)


@pytest.mark.parametrize(("mean_sign", "change"), [(1.0, 1), (0.61, 1), (0.6, 0), (0.59, -1), (-1.0, -1)])
def test_only_the_side_of_the_target_counts(mean_sign, change):
    moved = after(jnp.float32(0.5), jnp.float32(mean_sign))
    np.testing.assert_allclose(moved - 0.5, change * STEP, atol=1e-7)


def test_the_lower_bound_is_zero():
    np.testing.assert_allclose(after(jnp.float32(1.5 * STEP), jnp.float32(0)), 0.5 * STEP, rtol=1e-4)
    assert after(jnp.float32(0.5 * STEP), jnp.float32(0)) == 0
    assert after(jnp.float32(0), jnp.float32(0)) == 0


def test_there_is_no_upper_bound():
    np.testing.assert_allclose(after(jnp.float32(1), jnp.float32(1)), 1 + STEP, rtol=1e-6)


def test_p_rises_from_0_to_1_in_kimg_thousand_images():
    images, kimg = 1000, 100
    climb = jax.jit(lambda p: jax.lax.fori_loop(0, 100, lambda _, p: next_p(p, 1.0, images=images, kimg=kimg), p))
    np.testing.assert_allclose(climb(jnp.float32(0)), 1, rtol=1e-4)


def test_the_target_is_an_option():
    assert after(jnp.float32(0.5), jnp.float32(0.5), target=0.4) > 0.5 > after(jnp.float32(0.5), jnp.float32(0.5))
