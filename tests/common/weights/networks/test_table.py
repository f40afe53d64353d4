"""Tests `common.weights.networks.table`: what is converted can be had back, bit for bit."""

import jax
import numpy as np
import pytest
from flax import traverse_util

from common.errors import InputError
from common.nn.stylegan2 import Generator
from common.weights.networks import stylegan2
from common.weights.networks.table import Row, Transform, convert, hwio, revert, same, shapes, transposed


@pytest.mark.parametrize(
    ("transform", "shape", "expected"),
    [
        (same, (2, 3, 4), (2, 3, 4)),
        (hwio, (5, 4, 3, 2), (3, 2, 4, 5)),
        (transposed, (5, 4), (4, 5)),
        (stylegan2._hwc, (5, 3, 4), (3, 4, 5)),
        (stylegan2._scalar, (1,), ()),
        (stylegan2._last, (1, 5, 1, 1), (5,)),
        (stylegan2._map, (1, 1, 4, 5), (4, 5)),
        (stylegan2._first(hwio), (1, 5, 4, 3, 2), (3, 2, 4, 5)),
    ],
)
def test_transforms_and_their_inverses(transform, shape, expected):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    y = transform(x)
    assert y.shape == expected
    back = transform.invert(y)
    assert back.shape == shape
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("table", [stylegan2.ada_table, stylegan2.rosinality_table])
def test_a_network_and_back(table):
    generator = Generator(16, z_dim=8, c_dim=0, w_dim=8, num_layers=2, channel_base=96, channel_max=12)
    rng = np.random.default_rng(0)
    template = shapes(generator, (1, 8))
    # Every float32 there is, infinities and NaNs too.
    bits = lambda x: rng.integers(0, 1 << 32, x.shape, np.uint32).view(np.float32)
    variables = jax.tree.map(bits, template)
    arrays = revert(variables, table(generator))
    again = convert(arrays, table(generator), template, source="a")
    same_bits = lambda a, b: np.testing.assert_array_equal(a.view(np.uint32), b.view(np.uint32))
    jax.tree.map(same_bits, again, variables)
    back = revert(again, table(generator))
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].shape == array.shape and back[name].tobytes() == array.tobytes()


def test_plain_functions_need_an_inverse():
    def negated(x):
        return -x

    rows = [Row("a", "params/a", negated), Row("b", "params/b", Transform(lambda x: x * 2, lambda x: x / 2))]
    variables = {"params": {"a": np.ones(2), "b": np.full(2, 4.0)}}
    arrays = revert(variables, rows, {negated: negated})
    np.testing.assert_array_equal(arrays["a"], -np.ones(2))
    np.testing.assert_array_equal(arrays["b"], np.full(2, 2.0))
    with pytest.raises(KeyError):
        revert(variables, rows)


def test_variables_of_another_network():
    flat = {("params", "a"): np.ones(2)}
    with pytest.raises(InputError, match="differ in params/a, params/b"):
        revert(traverse_util.unflatten_dict(flat), [Row("b", "params/b", same)])
