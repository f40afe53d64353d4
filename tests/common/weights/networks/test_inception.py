"""Tests of `common.weights.networks.inception`: what it says of checkpoints that do not fit. Numbers: tests/golden."""

import functools

import numpy as np
import pytest
from flax import traverse_util

from common.errors import InputError
from common.nn.inception import InceptionV3
from common.weights.networks import inception as weights
from common.weights.networks.table import hwio, same, shapes, transposed

MODULE = InceptionV3(num_classes=10)
ORDERS = {hwio: (3, 2, 0, 1), transposed: (1, 0), same: (0,)}


@functools.cache
def rows() -> list:
    return list(weights.table(MODULE))


@functools.cache
def published() -> dict[str, np.ndarray]:
    """A state dict in the published names, filled along the last axis only so that it takes no memory."""
    template = traverse_util.flatten_dict(shapes(MODULE, (1, 80, 80, 3)), sep="/")
    result = {}
    for i, row in enumerate(rows()):
        shape = [template[row.path].shape[axis] for axis in ORDERS[row.transform]]
        result[row.source] = np.broadcast_to(
            np.arange(shape[0], dtype=np.float32).reshape(-1, *[1] * (len(shape) - 1)) + i, shape
        )
    return result


def test_every_array_is_converted():
    counters = {"Mixed_7c.branch1x1.bn.num_batches_tracked": np.zeros((), np.int64)}
    variables = traverse_util.flatten_dict(weights.from_pytorch_fid(published() | counters), sep="/")
    assert len(variables) == len(rows()) == 94 * 5 + 2
    for i, row in enumerate(rows()):
        value = variables[row.path]
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value[(0,) * (value.ndim - 1)], np.arange(value.shape[-1]) + i)


def test_asymmetric_kernels_keep_their_direction():
    arrays = dict(published())
    kernel = np.zeros((192, 192, 1, 7), np.float32)
    kernel[3, 5, 0, 6] = 1
    arrays["Mixed_6e.branch7x7dbl_5.conv.weight"] = kernel
    variables = weights.from_pytorch_fid(arrays)
    assert variables["params"]["Mixed_6e"]["branch7x7dbl_5"]["conv"]["kernel"][0, 6, 5, 3] == 1


def test_published_names():
    names = {row.source for row in rows()}
    leaves = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")
    assert {f"Mixed_7b.branch3x3dbl_3a.{leaf}" for leaf in leaves} <= names
    assert {"Conv2d_1a_3x3.conv.weight", "fc.weight", "fc.bias"} <= names


def test_all_problems_are_told_at_once():
    arrays = dict(published())
    del arrays["Mixed_5b.branch1x1.bn.bias"]
    arrays["AuxLogits.fc.bias"] = np.zeros(1000)
    arrays["Conv2d_3b_1x1.conv.weight"] = np.zeros((80, 64))
    with pytest.raises(InputError) as error:
        weights.from_pytorch_fid(arrays, MODULE, source="fid.pth")
    message = str(error.value)
    assert message.startswith("fid.pth does not fit the network: 1 missing: Mixed_5b.branch1x1.bn.bias; ")
    assert "1 unexpected: AuxLogits.fc.bias" in message and "\n" not in message
    assert "1 mis-shaped: Conv2d_3b_1x1.conv.weight [80, 64] for params/Conv2d_3b_1x1/conv/kernel" in message


def test_another_network_altogether():
    with pytest.raises(InputError, match=r"472 missing: .*1 unexpected: conv1\.weight"):
        weights.from_pytorch_fid({"conv1.weight": np.zeros((64, 3, 7, 7))})
