"""Tests of `common.weights.networks.hsr` on heads that fit and that do not. Numbers: tests/golden."""

import jax
import numpy as np
import pytest

from common.errors import InputError
from common.weights.networks import hsr
from common.weights.networks.table import revert
from hsr_jax.gan.regularizer import Heads

HEADS = Heads((5, 6, 7, 5), hidden=12)
FEATURES = {f"b{r}.conv1": jax.ShapeDtypeStruct((1, r, r, 4), np.float32) for r in HEADS.blocks}
TEMPLATE = jax.eval_shape(lambda features: HEADS.init(jax.random.key(0), features, (14,) * 4), FEATURES)


def variables():
    random = np.random.default_rng(0)
    return jax.tree.map(lambda x: random.normal(size=x.shape).astype(np.float32), TEMPLATE)


def arrays():
    return revert(variables(), hsr.table(TEMPLATE))


def test_there_and_back():
    heads = arrays() | {f"{hsr.PREFIX}0.conv1x1_1.resample_filter": np.ones((4, 4))}
    generator, found = hsr.split({"mapping.w_avg": np.zeros(3)} | heads)
    assert set(generator) == {"mapping.w_avg"} and set(found) == set(heads)
    assert Heads(**hsr.head_sizes(found)) == HEADS
    jax.tree.map(np.testing.assert_array_equal, hsr.from_hsr(found, TEMPLATE), variables())
    # Blocks are numbered by their size, not by their name ('b16' < 'b8').
    kernel = heads[f"{hsr.PREFIX}1.conv1x1_2.weight"]
    assert kernel.shape == (6, 12, 1, 1)
    np.testing.assert_array_equal(variables()["params"]["b16"]["conv2"]["kernel"][0, 0], kernel[:, :, 0, 0].T)


def test_all_problems_are_told_at_once():
    heads = arrays()
    del heads[f"{hsr.PREFIX}3.conv1x1_1.bias"]
    heads |= {f"{hsr.PREFIX}2.conv1x1_2.bias": np.zeros(3), f"{hsr.PREFIX}7.x": np.zeros(1)}
    expected = r"run\.pkl does not fit .*1 missing: \S+3\.conv1x1_1\.bias; 1 unexpected: \S+7\.x; 1 mis-shaped: \S+2\."
    with pytest.raises(InputError, match=expected):
        hsr.from_hsr(heads, TEMPLATE, source="run.pkl")


def test_no_heads():
    with pytest.raises(InputError, match="f.pkl has no HSR heads .*conv1x1_2.weight"):
        hsr.head_sizes({"synthesis.b4.const": np.zeros((8, 4, 4))}, source="f.pkl")
