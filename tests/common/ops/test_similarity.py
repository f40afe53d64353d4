"""Tests of `common.ops.similarity`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn.resnet import STAGES
from common.ops.resize import resize_bilinear
from common.ops.similarity import hypercolumn, unit_vectors


def test_unit_vectors():
    x = jax.random.normal(jax.random.key(0), (2, 3, 3, 7))
    np.testing.assert_allclose(jnp.linalg.norm(unit_vectors(x), axis=-1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(unit_vectors(jnp.zeros((1, 1, 1, 7))), 0.0)
    assert np.isfinite(jax.grad(lambda x: unit_vectors(x).sum())(jnp.zeros((1, 1, 1, 7)))).all()


@pytest.fixture
def maps():
    rng = np.random.default_rng(1)
    sizes = {"layer1": (8, 3), "layer2": (4, 4), "layer3": (2, 5), "layer4": (1, 6), "pool": (8, 2)}
    return {name: rng.normal(size=(2, n, n, c)).astype(np.float32) for name, (n, c) in sizes.items()}


def test_hypercolumns_are_deepest_first(maps):
    column = hypercolumn(maps, 8, STAGES)
    assert column.shape == (2, 8, 8, 6 + 5 + 4 + 3)
    np.testing.assert_array_equal(column[..., -3:], maps["layer1"])
    np.testing.assert_allclose(column[..., :6], np.broadcast_to(maps["layer4"], (2, 8, 8, 6)), rtol=1e-6)
    np.testing.assert_allclose(column[..., 6:11], resize_bilinear(maps["layer3"], 8), rtol=1e-6)
    extended = hypercolumn(maps, (4, 6), layers=(*STAGES, "pool"))
    assert extended.shape == (2, 4, 6, 20)
    np.testing.assert_array_equal(extended[..., :18], hypercolumn(maps, (4, 6), STAGES))


def test_normalised_hypercolumns_have_length_one_and_no_infinite_gradient(maps):
    column, unit = hypercolumn(maps, 5, STAGES), hypercolumn(maps, 5, STAGES, normalize=True)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=-1), np.ones((2, 5, 5)), rtol=1e-5)
    np.testing.assert_allclose(unit * np.linalg.norm(column, axis=-1, keepdims=True), column, atol=1e-5)
    zeros = jax.tree.map(jnp.zeros_like, maps)
    value, gradient = jax.value_and_grad(lambda m: hypercolumn(m, 5, STAGES, normalize=True).sum())(zeros)
    assert value == 0 and all(np.isfinite(g).all() for g in jax.tree.leaves(gradient))


def test_an_absent_layer_is_named(maps):
    with pytest.raises(ValueError, match="no features named layer5; there are layer1, layer2"):
        hypercolumn(maps, 8, layers=("layer4", "layer5"))
