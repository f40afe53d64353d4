"""Tests of every format: there and back, and errors about arrays that do not fit. Numbers are in tests/golden."""

import numpy as np
import pytest
from examples import ARCFACE, EXAMPLES, GENERATOR, RESNET, VIT, assert_same, below, source_of
from flax import traverse_util

from common.errors import InputError
from common.nn.inception import InceptionV3
from common.nn.iresnet import IResNet
from common.weights import formats
from common.weights.networks.table import numbers, shapes

EACH = pytest.mark.parametrize(("name", "module"), EXAMPLES.values(), ids=EXAMPLES)
# Further arrays of real checkpoints, which are no part of the module.
BESIDE = {
    "stylegan2-ada": ("synthesis.b8.resample_filter", "synthesis.feat_transfer_list.0.conv1x1_1.weight"),
    "stylegan2-ada-discriminator": ("b16.resample_filter", "b16.conv1.resample_filter"),
    "hsr": ("synthesis.b8.resample_filter", "synthesis.feat_transfer_list.0.conv1x1_1.resample_filter"),
    "rosinality": ("convs.0.conv.blur.kernel", "to_rgbs.0.upsample.kernel"),
    "rosinality-discriminator": ("convs.1.conv2.0.kernel", "convs.2.skip.0.kernel"),
    "feature-style": ("block_1.0.bn1.num_batches_tracked",),
    "arcface": ("layer1.0.bn1.num_batches_tracked",),
    "resnet": ("bn1.num_batches_tracked",),
    "dino": ("mask_token",),
    "deit": (),
    "lpips": ("lins.0.model.1.weight",),
    "lpips-parts": ("classifier.6.weight",),
    "vgg16": ("classifier.6.weight",),
    "alexnet": ("classifier.6.weight",),
}


@EACH
def test_there_and_back(name, module):
    """Every array has a name, others are ignored, and the module is read off the arrays."""
    variables, arrays = source_of(name, module)
    found = arrays | {other: np.ones((4, 4)) for other in BESIDE[name]}
    format = formats.find(name)
    assert format.infer(found) == module
    assert_same(format.variables(found), variables)
    assert_same(format.arrays(variables, module), arrays)
    assert all(mark in arrays for mark in format.marks)
    assert format in [guessed for guessed, _ in formats.guess(arrays)]


def test_there_and_back_with_every_float_there_is():
    """Infinities and NaNs keep their bits."""
    rng, format = np.random.default_rng(0), formats.find("rosinality")
    _, arrays = source_of("rosinality", GENERATOR)
    bits = {name: rng.integers(0, 1 << 32, x.shape, np.uint32).view(np.float32) for name, x in arrays.items()}
    assert_same(format.arrays(format.variables(bits), GENERATOR), bits)


def test_every_format_is_tested():
    assert {name for name, _ in EXAMPLES.values()} == set(BESIDE) == set(formats.BY_NAME) - {"pytorch-fid"}


@EACH
def test_all_problems_are_told_at_once(name, module):
    _, arrays = source_of(name, module)
    *_, absent, short, flat = [key for key, x in arrays.items() if x.ndim == 1 and not key.startswith("styles")]
    del arrays[absent]
    arrays |= {short: np.zeros(77), flat: np.zeros(()), "strange.name": np.zeros(1)}
    with pytest.raises(InputError) as error:
        formats.find(name).variables(arrays, module, source="model.pkl")
    message = str(error.value)
    assert message.startswith(f"model.pkl does not fit the network: 1 missing: {absent}; ") and "\n" not in message
    assert "; 1 unexpected: strange.name; 2 mis-shaped: " in message
    assert f"{short} [77] for " in message and f"{flat} [] for " in message


@pytest.mark.parametrize("name", sorted(set(formats.BY_NAME) - {"pytorch-fid", "hsr"}))
def test_another_network_altogether(name):
    with pytest.raises(InputError, match=r"^f\.pt is (not an?|neither) .*: it lacks "):
        formats.find(name).infer({"fc.bias": np.zeros(64)}, source="f.pt")


@pytest.mark.parametrize(
    ("name", "module", "change", "message"),
    [
        ("arcface", ARCFACE, {"fc.weight": np.zeros((6, 50))}, "fc.weight has 50 inputs, which are no square"),
        ("dino", VIT, {"pos_embed": np.zeros((1, 9, 64))}, "pos_embed has 9 positions, not a class token's"),
        ("dino", VIT, {"patch_embed.proj.weight": np.zeros((60, 3, 4, 4))}, "60 channels are no multiple of 64"),
        ("lpips", EXAMPLES["lpips, vgg"][1], {"scaling_layer.shift": np.zeros((1, 3, 1, 1))}, "scaling_layer.shift is"),
        ("lpips", EXAMPLES["lpips, vgg"][1], {"scaling_layer.shift": np.zeros(4)}, "scaling_layer.shift is"),
    ],
)
def test_sizes_that_no_network_has(name, module, change, message):
    _, arrays = source_of(name, module)
    with pytest.raises(InputError, match=rf"^f\.pth.*{message}"):
        formats.find(name).infer(arrays | change, source="f.pth")


def test_the_trunk_of_a_classifier():
    """A module without the last layer takes the others from a network that has one."""
    for name, module in (("resnet", RESNET), ("deit", VIT), ("vgg16", EXAMPLES["vgg16"][1])):
        whole = module.clone(fc_width=5) if name == "vgg16" else module.clone(num_outputs=5)
        variables, arrays = source_of(name, whole)
        kept = formats.find(name).variables(arrays, module)
        assert_same(kept["params"], {key: variables["params"][key] for key in kept["params"]})
    # MoCo v2's head has two layers, which no module here has.
    variables, arrays = source_of("resnet", RESNET)
    arrays |= {"fc.0.weight": np.zeros((8, 32)), "fc.0.bias": np.zeros(8), "fc.2.weight": np.zeros((5, 8))}
    assert formats.find("resnet").infer(arrays) == RESNET
    assert_same(formats.find("resnet").variables(arrays), variables)


def test_of_moco_the_trained_encoder_and_of_dino_the_teacher_are_taken():
    _, arrays = source_of("resnet", RESNET)
    other = {name: x + 1 for name, x in arrays.items()}
    chosen = {
        "module.encoder_q.": below("module.encoder_q.", arrays) | below("module.encoder_k.", other),
        "teacher.backbone.": below("teacher.backbone.", arrays) | below("student.module.backbone.", other),
        "model.encoder.module.": below("model.encoder.module.", arrays) | {"module.queue": np.zeros((2, 2))},
    }
    for prefix, checkpoint in chosen.items():
        found, at = formats.select(formats.find("resnet"), checkpoint)
        assert at == prefix
        assert_same(found, arrays)


def test_the_trunk_of_arcface_fits_an_iresnet():
    trunk = shapes(IResNet(ARCFACE.widths, ARCFACE.depths), (1, 48, 48, 3))
    found = formats.find("arcface").template(ARCFACE)
    assert {name: tree["trunk"] for name, tree in found.items()} == trunk


def test_numbers():
    assert numbers({"a.1.w": 0, "a.12.w": 0, "a.3.b": 0, "b.a.4.w": 0}, r"a\.(\d+)\.w") == [1, 12]


@pytest.fixture(scope="module")
def inception():
    """Arrays of Inception in the published names, which take no memory; its size is fixed, 24 M values."""
    format, module = formats.find("pytorch-fid"), InceptionV3(num_classes=10)
    variables = {
        path: np.broadcast_to(np.float32(i), leaf.shape)
        for i, (path, leaf) in enumerate(traverse_util.flatten_dict(format.template(module)).items())
    }
    return format, module, variables


def test_inception(inception):
    format, module, variables = inception
    arrays = format.arrays(traverse_util.unflatten_dict(variables), module)
    assert len(arrays) == 94 * 5 + 2
    leaves = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")
    assert {f"Mixed_7b.branch3x3dbl_3a.{leaf}" for leaf in leaves} <= arrays.keys()
    assert [(found.name, prefix) for found, prefix in formats.guess(arrays)] == [("pytorch-fid", "")]
    # Asymmetric kernels keep their direction.
    kernel = np.zeros((192, 192, 1, 7), np.float32)
    kernel[3, 5, 0, 6] = 1
    name = "Mixed_6e.branch7x7dbl_5"
    arrays |= {f"{name}.conv.weight": kernel, "Mixed_7c.branch1x1.bn.num_batches_tracked": np.zeros((), np.int64)}
    assert format.infer(arrays) == module
    found = traverse_util.flatten_dict(format.variables(arrays))
    assert found["params", *name.split("."), "conv", "kernel"][0, 6, 5, 3] == 1
    for path, value in variables.items():
        if name not in ".".join(path):
            assert found[path].ravel()[0] == value.ravel()[0] and found[path].shape == value.shape
