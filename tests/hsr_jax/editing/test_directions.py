"""Tests `hsr_jax.editing.directions`: lines, mixed styles, boundaries with a known normal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.errors import InputError
from hsr_jax.editing import directions

WS = jax.random.normal(jax.random.key(0), (3, 4, 5))
RNG = np.random.default_rng(0)
NORMAL = np.array([3.0, 0, 4, 0, 0, 0]) / 5


def samples(count=2000):
    """Latents w around 2 with different deviations along the axes, and noisy scores along NORMAL."""
    w = 2 + RNG.normal(size=(count, 6)) * [1, 2, 1, 0.5, 1, 3]
    return w, (w - 2) @ NORMAL + 0.2 * RNG.normal(size=count)


def test_an_edit_moves_every_row_along_the_direction():
    direction, strengths = jnp.arange(5.0), jnp.array([-2.0, 0.0, 1.5])
    edited = directions.edit(WS, direction, strengths)
    assert edited.shape == (3, 3, 4, 5)
    np.testing.assert_array_equal(edited[:, 1], WS)
    np.testing.assert_allclose(edited[2, 2, 3] - WS[2, 3], 1.5 * direction, atol=1e-6)
    np.testing.assert_allclose(edited[0, 0] - WS[0], jnp.tile(-2 * direction, (4, 1)), atol=1e-6)


def test_a_line_is_straight_and_joins_its_ends():
    line = directions.line(WS[:2], WS[1:], 5)
    np.testing.assert_array_equal(line[:, 0], WS[:2])
    np.testing.assert_allclose(line[:, -1], WS[1:], atol=1e-6)
    np.testing.assert_allclose(line[:, 2], (WS[:2] + WS[1:]) / 2, atol=1e-6)
    np.testing.assert_allclose(np.diff(line, axis=1), np.diff(line, axis=1)[:, :1].repeat(4, 1), atol=1e-6)


def test_a_tour_passes_every_latent_and_closes():
    tour = directions.tour(WS, 4)
    assert tour.shape == (12, 4, 5)
    np.testing.assert_array_equal(tour[::4], WS)
    # One step leads from the last frame to the first.
    np.testing.assert_allclose(tour[0] - tour[-1], (WS[0] - WS[2]) / 4, atol=1e-6)


def test_mixed_styles_take_their_rows_from_both():
    fine = jax.random.normal(jax.random.key(1), (2, 4, 5))
    mixed = directions.mix(WS, fine, 3)
    assert mixed.shape == (3, 2, 4, 5)
    for r in range(3):
        for c in range(2):
            np.testing.assert_array_equal(mixed[r, c, :3], WS[r, :3])
            np.testing.assert_array_equal(mixed[r, c, 3:], fine[c, 3:])


def test_the_boundary_of_a_known_direction():
    w, scores = samples()
    found = directions.boundary(w, scores)
    assert np.linalg.norm(found.normal) == pytest.approx(1, abs=1e-6)
    assert found.normal @ NORMAL > 0.98
    assert found.accuracy > 0.95
    assert found.deviation == pytest.approx((w @ found.normal).std(), rel=1e-5)
    # The plane passes near the mean, which is 2 on every axis, and positive distances mean high scores.
    assert abs(found.normal.sum() * 2 + found.intercept) < 0.2
    assert np.corrcoef(w @ found.normal + found.intercept, scores)[0, 1] > 0.95


def test_a_boundary_scales_with_the_space_and_turns_with_the_scores():
    w, scores = samples(500)
    found, larger = directions.boundary(w, scores), directions.boundary(10 * w, scores)
    np.testing.assert_allclose(larger.normal, found.normal, atol=1e-3)
    assert larger.deviation == pytest.approx(10 * found.deviation, rel=1e-3)
    np.testing.assert_allclose(directions.boundary(w, -scores).normal, -found.normal, atol=0.2)
    again = directions.boundary(w, scores)
    np.testing.assert_array_equal(again.normal, found.normal)


def test_samples_without_information_are_refused():
    w, scores = samples(200)
    with pytest.raises(InputError, match="draw more samples"):
        directions.boundary(w, scores, share=0.04)
    with pytest.raises(InputError, match="do not differ"):
        directions.boundary(w, np.ones(200))


def test_a_conditional_direction_leaves_the_others():
    others = RNG.normal(size=(2, 6))
    others = np.concatenate([others, others.sum(0, keepdims=True)])  # the third depends on the first two
    found = directions.conditional(NORMAL, others)
    np.testing.assert_allclose(others @ found, 0, atol=1e-6)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
    # The removed part is a combination of the others, so the result is the nearest direction that preserves them.
    taken = NORMAL - (NORMAL @ found) * found
    np.testing.assert_allclose(np.linalg.lstsq(others.T, taken, rcond=None)[0] @ others, taken, atol=1e-6)
    np.testing.assert_allclose(directions.conditional(NORMAL, np.zeros((0, 6))), NORMAL, atol=1e-6)
    with pytest.raises(InputError, match="keep fewer"):
        directions.conditional(others[0] + others[1], others)
