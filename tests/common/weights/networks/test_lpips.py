"""Tests of `common.weights.networks.lpips`: what it says of checkpoints that do not fit. Numbers: tests/golden."""

import jax
import numpy as np
import pytest
from flax import traverse_util

from common.errors import InputError
from common.nn.alexnet import AlexNet
from common.nn.lpips import SCALE, SHIFT, Lpips
from common.nn.vgg import VGG16
from common.weights.networks import lpips as weights
from common.weights.networks.table import hwio, same, shapes

WIDTHS = (2, 3, 4, 5, 6)
MODULES = [Lpips(VGG16(WIDTHS)), Lpips(AlexNet(WIDTHS))]
INVERSES = {hwio: lambda x: x.transpose(3, 2, 0, 1), same: lambda x: x, **weights.INVERSES}
CONSTANTS = {f"scaling_layer.{k}": np.reshape(v, (1, 3, 1, 1)) for k, v in (("shift", SHIFT), ("scale", SCALE))}


def published(module: Lpips) -> tuple[dict, dict]:
    """A state dict in the lpips package's names and the variables it stands for."""
    random, images = np.random.default_rng(0), (1, 64, 64, 3)
    variables = jax.tree.map(lambda x: random.standard_normal(x.shape, x.dtype), shapes(module, images, images))
    flat = traverse_util.flatten_dict(variables, sep="/")
    arrays = {row.source: INVERSES[row.transform](flat[row.path]) for row in weights.table(module)}
    duplicates = {f"lins.{k}.model.1.weight": arrays[f"lin{k}.model.1.weight"] for k in range(5)}
    return CONSTANTS | arrays | duplicates, variables


def torchvision(arrays: dict) -> tuple[dict, dict]:
    """The same in torchvision's names, with a classifier, and the heads as they are published."""
    trunk = {f"features.{key.split('.', 2)[2]}": x for key, x in arrays.items() if key.startswith("net.")}
    return trunk | {"classifier.6.weight": np.zeros((10, 4))}, {k: x for k, x in arrays.items() if k.startswith("lin")}


@pytest.fixture(params=MODULES, ids=["vgg", "alex"])
def module(request):
    return request.param


def test_every_array_is_converted(module):
    arrays, variables = published(module)
    for converted in (
        weights.from_lpips(arrays, module),
        weights.from_lpips(arrays),
        weights.from_torchvision_and_heads(*torchvision(arrays)),
    ):
        jax.tree.map(np.testing.assert_array_equal, converted, variables)
    trunk = weights.from_torchvision(torchvision(arrays)[0])
    jax.tree.map(np.testing.assert_array_equal, trunk["params"], variables["params"]["trunk"])


def test_trunk_is_read_off_the_arrays(module):
    arrays, _ = published(module)
    assert weights.lpips_trunk(arrays, weights.LPIPS) == module.trunk
    assert weights.lpips_trunk(torchvision(arrays)[0]) == module.trunk


def test_published_names():
    """Indices into torchvision's layers, which count ReLUs and pools."""
    vgg = [row.source for row in weights.trunk_table(VGG16()) if row.source.endswith("bias")]
    assert vgg == [f"features.{i}.bias" for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
    alex = [row.source for row in weights.table(Lpips(AlexNet())) if row.source.endswith("weight")]
    trunk = [f"net.slice{k}.{i}.weight" for k, i in enumerate((0, 3, 6, 8, 10), start=1)]
    assert alex == trunk + [f"lin{k}.model.1.weight" for k in range(5)]


def test_inverses():
    for transform, inverse in weights.INVERSES.items():
        x = np.arange(6.0)
        np.testing.assert_array_equal(transform(inverse(x)), x)
        np.testing.assert_array_equal(inverse(transform(inverse(x))), inverse(x))


def test_all_problems_are_told_at_once(module):
    arrays, _ = published(module)
    del arrays["lin2.model.1.weight"]
    arrays |= {"lin3.model.1.weight": np.zeros((1, 9, 1, 1)), "net.slice9.0.weight": np.zeros(1)}
    with pytest.raises(InputError) as error:
        weights.from_lpips(arrays, source="vgg.pth")
    message = str(error.value)
    assert (
        message.startswith("vgg.pth does not fit the network: 1 missing: lin2.model.1.weight") and "\n" not in message
    )
    assert "1 unexpected: net.slice9.0.weight" in message
    assert "lin3.model.1.weight [1, 9, 1, 1] for params/head3 [5]" in message


def test_another_network_altogether():
    with pytest.raises(InputError, match=r"f\.pth is neither VGG-16 nor AlexNet: it lacks features\.2\.bias"):
        weights.from_torchvision({"conv1.weight": np.zeros((64, 3, 7, 7))}, source="f.pth")


@pytest.mark.parametrize("shift", [np.zeros((1, 3, 1, 1)), np.zeros(4)])
def test_other_constants_are_another_network(shift):
    arrays, _ = published(MODULES[0])
    with pytest.raises(InputError, match=r"^f\.pth is not LPIPS: scaling_layer\.shift is "):
        weights.from_lpips(arrays | {"scaling_layer.shift": shift}, source="f.pth")
