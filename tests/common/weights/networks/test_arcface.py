"""Tests of `common.weights.networks.arcface`."""

import jax
import numpy as np
import pytest

from common.errors import InputError
from common.nn.iresnet import ArcFace, IResNet
from common.weights.networks.arcface import arcface_shapes, arcface_table, from_arcface, infer_arcface
from common.weights.networks.table import revert, shapes

MODULE = ArcFace(features=6, widths=(3, 4, 5, 6), depths=(1, 1, 2, 1))
SIZE = 48
RNG = np.random.default_rng(0)
VARIABLES = jax.tree.map(lambda x: RNG.normal(size=x.shape).astype(np.float32), arcface_shapes(MODULE, SIZE))
ARRAYS = revert(VARIABLES, arcface_table(MODULE))


def assert_equal(actual, expected):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


@pytest.mark.parametrize("prefix", ["", "module.", "backbone."])
def test_there_and_back(prefix):
    arrays = {prefix + name: x for name, x in ARRAYS.items()}
    arrays[f"{prefix}layer1.0.bn1.num_batches_tracked"] = np.zeros((), np.int64)
    assert infer_arcface(arrays) == (MODULE, SIZE)
    assert_equal(from_arcface(arrays), VARIABLES)
    assert_equal(from_arcface(arrays, MODULE), VARIABLES)


def test_published_names_and_layouts():
    assert {"conv1.weight", "bn1.bias", "prelu.weight", "bn2.running_var", "features.running_mean"} <= ARRAYS.keys()
    assert {"layer3.1.conv2.weight", "layer3.1.prelu.weight", "layer1.0.downsample.1.weight"} <= ARRAYS.keys()
    assert "layer3.1.downsample.0.weight" not in ARRAYS
    assert ARRAYS["fc.weight"].shape == (6, 6 * 3 * 3)
    assert VARIABLES["params"]["fc"]["kernel"][20, 4] == ARRAYS["fc.weight"][4, 20]


def test_the_trunk_fits_an_iresnet():
    trunk = {name: tree["trunk"] for name, tree in from_arcface(ARRAYS).items()}
    expected = shapes(IResNet(MODULE.widths, MODULE.depths), (1, SIZE, SIZE, 3))
    assert jax.tree.map(np.shape, trunk) == jax.tree.map(np.shape, expected)


def test_all_problems_are_told_at_once():
    arrays = ARRAYS | {"extra": np.zeros(2), "features.bias": np.zeros(7)}
    del arrays["layer2.0.bn3.weight"]
    with pytest.raises(InputError) as error:
        from_arcface(arrays, source="backbone.pth")
    for part in (
        "backbone.pth does not fit the network: 1 missing: layer2.0.bn3.weight",
        "1 unexpected: extra",
        "1 mis-shaped: features.bias [7] for params/embedding_bn/bias [6]",
    ):
        assert part in str(error.value)


def test_other_networks():
    three = {name: x for name, x in ARRAYS.items() if not name.startswith("layer4")}
    with pytest.raises(InputError, match=r"f\.pth is not an iresnet of four stages: it lacks layer4\.0\.conv1\.weight"):
        infer_arcface(three, source="f.pth")
    with pytest.raises(InputError, match=r"fc\.weight has 50 inputs, which are no square of 6 channels"):
        infer_arcface(ARRAYS | {"fc.weight": np.zeros((6, 50))})
    with pytest.raises(InputError, match=r"no array is called layer1\.0\.prelu\.weight"):
        infer_arcface({name: x for name, x in ARRAYS.items() if "prelu" not in name})
