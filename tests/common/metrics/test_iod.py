"""Tests of `common.metrics.iod`."""

import jax.numpy as jnp
import numpy as np
import pytest

from common.metrics.iod import iod
from common.metrics.nme import inter_ocular, nme

RNG = np.random.default_rng(0)
LANDMARKS = jnp.asarray(RNG.uniform(8, 24, (3, 5, 2)), jnp.float32)
EYES = ((0,), (1,))


def test_iod_is_the_nme_over_the_eye_distance_in_any_unit():
    predicted = LANDMARKS + jnp.asarray(RNG.normal(size=LANDMARKS.shape), jnp.float32)
    errors = iod(predicted, LANDMARKS, EYES)
    np.testing.assert_array_equal(errors, nme(predicted, LANDMARKS, inter_ocular(LANDMARKS, EYES)))
    normalized = iod(predicted * 2 / 95 - 1, LANDMARKS * 2 / 95 - 1, EYES)
    np.testing.assert_allclose(normalized, errors, rtol=1e-4)


def test_wrong_shapes_are_loud():
    with pytest.raises(AssertionError):
        iod(LANDMARKS[:, :4], LANDMARKS, EYES)
