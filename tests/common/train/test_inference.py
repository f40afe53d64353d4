"""Batched inference: every row once and in order, one batch ahead, at the precision asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.train import inference, sharding

ROWS = np.random.default_rng(0).normal(size=(11, 3)).astype(np.float32)


def double(factor, x):
    return {"product": factor * x, "sum": x.sum(1)}


@pytest.mark.parametrize("devices, batch_size", [(1, 4), (8, 8), (8, 16)])
def test_every_row_once_in_its_order(devices, batch_size):
    mesh = sharding.make_mesh(jax.devices()[:devices])
    program = inference.compiled(double, mesh, precision=None)
    counts = []
    found = inference.gathered(inference.over_rows(program, (2.0,), (ROWS,), mesh, batch_size), counts.append)
    np.testing.assert_array_equal(found["product"], 2 * ROWS)
    assert found["sum"].shape == (11,)
    assert counts == [min(n, 11) for n in range(batch_size, 11 + batch_size, batch_size)]


def test_a_loaders_batches_in_whatever_order_the_devices_are():
    mesh = sharding.make_mesh()
    index = np.array([3, 1, 0, 2, -1, 6, 5, 4], np.int32)  # as a mesh of several processes may have it
    batch = {"image": ROWS[index], "label": np.zeros(8), "index": index}
    program = inference.compiled(double, mesh, precision=None)
    over = lambda: inference.over_batches(program, (1.0,), [batch], ("image",), mesh)
    np.testing.assert_array_equal(inference.gathered(over())["product"], ROWS[:7])
    sums = inference.over_batches(lambda x: x.sum(), (), [batch, batch], ("image",), mesh)
    np.testing.assert_allclose(inference.total(sums), 2 * ROWS[index].sum(), rtol=1e-5)


def test_the_next_batch_is_started_before_the_host_sees_the_last():
    started = []
    program = lambda x: started.append(len(started)) or x
    given = []
    for _ in inference.over_rows(program, (), (ROWS,), sharding.make_mesh(jax.devices()[:1]), 4):
        given.append(len(started))
    assert given == [2, 3, 3]


@pytest.mark.parametrize("precision", [None, "highest"])
def test_precision_reaches_every_product(precision):
    mesh = sharding.make_mesh()
    program = inference.compiled(lambda x: (x @ x.T, jnp.convolve(x[0], x[1])[:8]), mesh, precision=precision)
    text = program.lower(jnp.zeros((8, 8))).as_text()
    assert text.count("dot_general") >= 1 and text.count("stablehlo.convolution") >= 1
    assert text.count("HIGHEST") == (4 if precision else 0)  # both operands of both
