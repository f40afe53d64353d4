"""Tests of `common.nn.layers`."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn.layers import batch_norm

X = 2 + 3 * np.random.default_rng(0).normal(size=(4, 3, 2, 5)).astype(np.float32)


class Layer(nn.Module):
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x, train):
        return batch_norm(train, "bn", self.dtype)(x)


LAYER = Layer()


@pytest.fixture
def variables():
    variables = LAYER.init(jax.random.key(0), X, True)
    scale, bias = np.linspace(0.5, 1.5, 5, dtype=np.float32), np.linspace(-1, 1, 5, dtype=np.float32)
    return variables | {"params": {"bn": {"scale": scale, "bias": bias}}}


def test_initialisation_leaves_the_statistics_alone(variables):
    np.testing.assert_array_equal(variables["batch_stats"]["bn"]["mean"], np.zeros(5))
    np.testing.assert_array_equal(variables["batch_stats"]["bn"]["var"], np.ones(5))


def test_the_batch_is_normalised_by_its_biased_variance_and_remembered_by_the_unbiased_one(variables):
    y, updated = LAYER.apply(variables, X, True, mutable=["batch_stats"])
    axes = (0, 1, 2)
    mean, params = X.mean(axes), variables["params"]["bn"]
    expected = (X - mean) / np.sqrt(X.var(axes) + 1e-5) * params["scale"] + params["bias"]
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(updated["batch_stats"]["bn"]["mean"], 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(updated["batch_stats"]["bn"]["var"], 0.9 + 0.1 * X.var(axes, ddof=1), rtol=1e-5)


def test_running_statistics_are_used_and_kept(variables):
    moved = variables | {"batch_stats": {"bn": {"mean": jnp.full(5, 2.0), "var": jnp.full(5, 9.0)}}}
    y, updated = LAYER.apply(moved, X, False, mutable=["batch_stats"])
    params = variables["params"]["bn"]
    np.testing.assert_allclose(y, (X - 2) / np.sqrt(9 + 1e-5) * params["scale"] + params["bias"], atol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, updated["batch_stats"], moved["batch_stats"])


def test_gradients_agree_with_flax(variables):
    params, stats = variables["params"]["bn"], variables["batch_stats"]["bn"]
    reference = nn.BatchNorm(use_running_average=False, momentum=0.9, epsilon=1e-5)

    def gradients(run):
        return jax.grad(lambda params, x: jnp.sin(run(params, x)[0]).sum(), (0, 1))(params, X)

    ours = gradients(
        lambda p, x: LAYER.apply({"params": {"bn": p}, "batch_stats": {"bn": stats}}, x, True, mutable=["batch_stats"])
    )
    theirs = gradients(lambda p, x: reference.apply({"params": p, "batch_stats": stats}, x, mutable=["batch_stats"]))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), ours, theirs)


def test_half_precision_keeps_float32_statistics(variables):
    y, updated = Layer(jnp.bfloat16).apply(variables, X.astype(jnp.bfloat16), True, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    assert {x.dtype for x in jax.tree.leaves(updated)} == {jnp.dtype("float32")}
