"""Tests of `common.weights.networks.resnet`: prefixes, heads, and what it says of checkpoints that do not fit."""

import jax
import numpy as np
import pytest

from common.errors import InputError
from common.nn.resnet import ResNet
from common.weights.networks.resnet import from_resnet, infer_resnet, resnet_table
from common.weights.networks.table import revert, shapes

MODULE = ResNet(widths=(4, 4, 6, 8), depths=(1, 2, 1, 1), num_outputs=5)
RNG = np.random.default_rng(0)
VARIABLES = jax.tree.map(lambda x: RNG.normal(size=x.shape).astype(np.float32), shapes(MODULE, (1, 32, 32, 3)))
ARRAYS = revert(VARIABLES, resnet_table(MODULE))
COUNTERS = {name.replace("running_var", "num_batches_tracked"): np.zeros((), np.int64) for name in ARRAYS}
COUNTERS = {name: x for name, x in COUNTERS.items() if name.endswith("tracked")}


def below(prefix: str, arrays=ARRAYS) -> dict:
    return {prefix + name: x for name, x in arrays.items()}


def assert_equal(actual, expected=VARIABLES):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def test_published_names_and_layouts():
    assert ARRAYS["conv1.weight"].shape == (4, 3, 7, 7)
    assert ARRAYS["layer2.0.downsample.0.weight"].shape == (16, 16, 1, 1)
    assert {"bn1.running_mean", "layer2.1.bn3.running_var", "layer4.0.downsample.1.bias", "fc.bias"} <= ARRAYS.keys()
    assert "layer2.1.downsample.0.weight" not in ARRAYS and len(COUNTERS) == 1 + 5 * 3 + 4
    kernel = VARIABLES["params"]["layer2_unit1"]["conv2"]["kernel"]
    assert kernel[0, 2, 1, 3] == ARRAYS["layer2.1.conv2.weight"][3, 1, 0, 2]
    assert VARIABLES["params"]["fc"]["kernel"][7, 2] == ARRAYS["fc.weight"][2, 7]


@pytest.mark.parametrize("prefix", ["", "encoder.module.", "module.encoder_q.", "backbone.", "model.encoder.module."])
def test_prefixes_are_found(prefix):
    """What lies beside the network under other names is not looked at."""
    beside = {} if prefix == "" else {"head.weight": np.zeros(3), "module.queue": np.zeros((2, 2))}
    arrays = below(prefix, ARRAYS | COUNTERS) | beside
    assert infer_resnet(arrays) == MODULE
    assert_equal(from_resnet(arrays))
    assert_equal(from_resnet(arrays, MODULE))


def test_of_moco_the_trained_encoder_and_of_dino_the_teacher_are_taken():
    other = {name: x + 1 for name, x in ARRAYS.items()}
    moco = below("module.encoder_q.") | below("module.encoder_k.", other)
    assert_equal(from_resnet(moco))
    assert_equal(from_resnet(moco, prefix="module.encoder_k."), from_resnet(other))
    assert_equal(from_resnet(below("teacher.backbone.") | below("student.module.backbone.", other)))
    with pytest.raises(InputError, match=r"give one of the prefixes 'model\.', 'model_ema\.'"):
        from_resnet(below("model.") | below("model_ema.", other))


def test_heads():
    headless = MODULE.clone(num_outputs=None)
    trunk = {name: tree for name, tree in VARIABLES["params"].items() if name != "fc"}
    expected = VARIABLES | {"params": trunk}
    assert_equal(from_resnet(ARRAYS, headless), expected)
    without = {name: x for name, x in ARRAYS.items() if not name.startswith("fc.")}
    assert infer_resnet(without) == headless
    assert_equal(from_resnet(without), expected)
    # MoCo v2's head has two layers, which no module here has.
    two = {"fc.0.weight": np.zeros((8, 32)), "fc.0.bias": np.zeros(8), "fc.2.weight": np.zeros((5, 8))}
    assert_equal(from_resnet(without | two), expected)
    with pytest.raises(InputError, match="2 missing: fc.weight, fc.bias"):
        from_resnet(without, MODULE)


def test_all_problems_are_told_at_once():
    arrays = ARRAYS | {"layer3.0.conv9.weight": np.zeros(1), "layer1.0.conv2.weight": np.zeros((2, 2))}
    del arrays["layer2.1.bn1.running_mean"]
    arrays["bn1.bias"] = np.zeros(7)
    with pytest.raises(InputError) as error:
        from_resnet(arrays, source="model.pth")
    for part in (
        "model.pth does not fit the network: 1 missing: layer2.1.bn1.running_mean",
        "1 unexpected: layer3.0.conv9.weight",
        "2 mis-shaped: bn1.bias [7] for params/bn1/bias [4]",
        "layer1.0.conv2.weight [2, 2] for params/layer1_unit0/conv2/kernel [3, 3, 4, 4]",
    ):
        assert part in str(error.value)


def test_other_networks():
    basic = {name: x for name, x in ARRAYS.items() if "conv3" not in name and "bn3" not in name}
    with pytest.raises(InputError, match=r"f\.pth: .*no array is called layer1\.0\.conv3\.weight"):
        from_resnet(basic, source="f.pth")
    three = {name: x for name, x in ARRAYS.items() if not name.startswith("layer4")}
    with pytest.raises(InputError, match=r"f\.pth is not a ResNet with four stages.*lacks layer4\.0\.conv3\.weight"):
        from_resnet(three, source="f.pth")
