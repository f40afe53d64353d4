"""Tests of `common.metrics.nme`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.metrics.nme import box_diagonal, box_size, image_diagonal, inter_ocular, inter_pupil, iod, nme

RNG = np.random.default_rng(0)
FACES = jnp.asarray(RNG.uniform(0, 256, (4, 68, 2)), jnp.float32)
NOISE = jnp.asarray(RNG.normal(size=FACES.shape), jnp.float32)
EYES = ((36,), (45,))


def test_known_value():
    # Every landmark is off by 3, 4: an error of 5 px over an eye distance of 50 px is 10 %.
    target = jnp.zeros((1, 68, 2)).at[0, 45, 0].set(50.0)
    predicted = target + jnp.array([3.0, 4.0])[None, None]
    np.testing.assert_allclose(nme(predicted, target, inter_ocular(target, EYES)), [10.0], rtol=1e-6)


def test_invariant_to_similarity():
    """Moving, turning and enlarging a face with its prediction changes nothing."""
    cos, sin = 1.7 * np.cos(0.3), 1.7 * np.sin(0.3)

    def move(x):
        return x @ jnp.array([[cos, sin], [-sin, cos]]) + jnp.array([20.0, -5.0])[None, None]

    predicted = FACES + NOISE
    before = nme(predicted, FACES, inter_ocular(FACES, EYES))
    after = nme(move(predicted), move(FACES), inter_ocular(move(FACES), EYES))
    # Coordinates of up to 900 px carry 6e-5 px of rounding; errors are near 1 px.
    np.testing.assert_allclose(before, after, rtol=3e-4)


@pytest.mark.parametrize("junk", [1e6, np.nan])
def test_invisible_landmarks_do_not_count(junk):
    visible = jnp.ones((4, 68)).at[:, 0].set(0)
    unknown = FACES.at[:, 0].set(junk)
    normalizer = inter_ocular(FACES, EYES)
    np.testing.assert_array_equal(nme(FACES, unknown, normalizer, visible), np.zeros(4))
    expected = nme(FACES[:, 1:] + 1, FACES[:, 1:], normalizer)
    np.testing.assert_allclose(nme(FACES + 1, unknown, normalizer, visible), expected, rtol=1e-5)


def test_only_the_face_without_visible_landmarks_is_nan():
    visible = jnp.ones((4, 68), bool).at[2].set(False)
    values = nme(FACES + 1, FACES, jnp.full(4, 50.0), visible)
    np.testing.assert_array_equal(np.isnan(values), [False, False, True, False])


def test_a_nan_prediction_is_not_hidden():
    assert np.isnan(nme(FACES.at[0, 0, 0].set(jnp.nan), FACES, jnp.ones(4), jnp.ones((4, 68)))[0])


def test_normalizers():
    eye = jnp.array([[0.0, 0.0], [2.0, 2.0], [30.0, 40.0], [32.0, 42.0]])
    np.testing.assert_allclose(inter_pupil(eye, ((0, 1), (2, 3))), 50.0)
    np.testing.assert_allclose(inter_ocular(eye[None], ((0,), (2,))), [50.0])
    boxes = jnp.array([[10.0, 20.0, 40.0, 60.0], [0.0, 0.0, 5.0, 5.0]])
    np.testing.assert_allclose(box_size(boxes), [1200**0.5, 5.0], rtol=1e-6)
    np.testing.assert_allclose(box_diagonal(boxes), [50.0, 50**0.5], rtol=1e-6)
    np.testing.assert_allclose(image_diagonal(jnp.array([[640.0, 480.0]])), [800.0], rtol=1e-6)


def test_iod_is_the_nme_over_the_eye_distance_in_any_unit():
    errors = iod(FACES + NOISE, FACES, EYES)
    np.testing.assert_array_equal(errors, nme(FACES + NOISE, FACES, inter_ocular(FACES, EYES)))
    normalized = iod((FACES + NOISE) * 2 / 255 - 1, FACES * 2 / 255 - 1, EYES)
    np.testing.assert_allclose(normalized, errors, rtol=1e-4)


def test_wrong_shapes_are_loud():
    with pytest.raises(AssertionError):
        nme(FACES, FACES[:, :5], jnp.ones(4))
    with pytest.raises(AssertionError):
        nme(FACES, FACES, jnp.ones((4, 1)))
    with pytest.raises(AssertionError):
        nme(FACES, FACES, jnp.ones(4), jnp.ones((4, 1)))


def test_jit_agrees():
    arguments = (FACES + 1, FACES, inter_ocular(FACES, EYES), jnp.ones((4, 68)).at[1, 3].set(0))
    np.testing.assert_allclose(jax.jit(nme)(*arguments), nme(*arguments), rtol=1e-6)
