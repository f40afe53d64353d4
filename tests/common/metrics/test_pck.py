"""Tests of `common.metrics.pck`."""

import jax.numpy as jnp
import numpy as np
import pytest

from common.metrics.pck import pck


def test_pck_counts_landmark_by_landmark():
    target = jnp.full((4, 3, 2), 50.0)
    offsets = jnp.array([[0, 4, 6], [4.5, 4.5, 4.5], [6, 6, 6], [1, 9, 9]])
    predicted = target.at[..., 0].add(offsets)
    visible = jnp.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(pck(predicted, target, 100.0), [75, 50, 25])
    np.testing.assert_allclose(pck(predicted, target, 100.0, visible=visible), [200 / 3, 200 / 3, np.nan], rtol=1e-6)
    np.testing.assert_allclose(pck(predicted, target, 100.0, alpha=0.07), [100, 75, 75])


@pytest.mark.parametrize("error, strict, truncated", [(4.79, 100, 100), (4.81, 0, 100), (4.99, 0, 100), (5.01, 0, 0)])
def test_truncated_distances_let_more_in(error, strict, truncated):
    """The threshold is 4.8 px at 96 px."""
    target = jnp.full((1, 1, 2), 30.0)
    predicted = target + jnp.array([error, 0.0])[None, None]
    assert pck(predicted, target, 96.0)[0] == strict
    assert pck(predicted, target, 96.0, contrast_landmark=True)[0] == truncated


def test_landmarks_at_the_border_do_not_count_for_contrast_landmark():
    target = jnp.array([[[0.0, 9.0]], [[9.0, -1.0]], [[9.0, 9.0]]])
    wrong = target.at[2].add(50)
    np.testing.assert_allclose(pck(wrong, target, 96.0), [200 / 3], rtol=1e-6)
    np.testing.assert_allclose(pck(wrong, target, 96.0, contrast_landmark=True), [0.0])
    with pytest.raises(AssertionError):
        pck(wrong, target, 96.0, visible=jnp.ones((3, 2)))
