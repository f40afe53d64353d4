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


class Loader:
    """The rows; padding is not zero, so that it shows."""

    def __len__(self):
        return len(ROWS)

    def __call__(self, row):
        return {"image": ROWS[row], "label": np.float32(1), "index": np.int32(row)}

    def padding(self):
        return {"image": ROWS[0], "label": np.float32(0), "index": np.int32(-1)}


def test_every_example_of_a_loader():
    mesh = sharding.make_mesh()
    program = inference.compiled(double, mesh, precision=None)
    found = inference.gathered(inference.over_loader(program, (1.0,), Loader(), ("image",), mesh, 8))
    np.testing.assert_array_equal(found["product"], ROWS)
    masked = lambda x, label: (x * label[:, None]).sum()
    sums = inference.over_loader(masked, (), Loader(), ("image", "label"), mesh, 8)
    np.testing.assert_allclose(inference.total(sums), ROWS.sum(), rtol=1e-5)


def test_order_of_the_devices_does_not_matter():
    index = np.array([3, 1, 0, 2, -1, 6, 5, 4], np.int32)  # as a mesh of several processes may have it
    values, numbers = sharding.put_batch((ROWS[index], index), sharding.make_mesh())
    np.testing.assert_array_equal(inference.on_host(values, numbers), ROWS[:7])


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
