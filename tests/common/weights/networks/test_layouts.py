"""Tests of single layouts: published names, and the order of values in arrays. Numbers are in tests/golden."""

import numpy as np
import pytest
from examples import DISCRIMINATOR, EXAMPLES, GENERATOR, HSR, TRUNKS, source_of

from common.errors import InputError
from common.nn.alexnet import AlexNet
from common.nn.vgg import VGG16
from common.weights import formats
from common.weights.networks import lpips, stylegan2, vgg
from common.weights.networks.table import Row, flattened, hwio, per_channel, revert, same, transposed

TRANSFORMS = {
    "same": (same, (2, 3, 4), (2, 3, 4)),
    "hwio": (hwio, (5, 4, 3, 2), (3, 2, 4, 5)),
    "transposed": (transposed, (5, 4), (4, 5)),
    "flattened": (flattened(2, 3), (5, 4 * 6), (4 * 6, 5)),
    "per_channel": (per_channel, (1, 5, 1, 1), (5,)),
    "hwc": (stylegan2.hwc, (5, 3, 4), (3, 4, 5)),
    "scalar": (stylegan2.scalar, (1,), ()),
    "noise_map": (stylegan2.noise_map, (1, 1, 4, 5), (4, 5)),
    "first": (stylegan2.first(hwio), (1, 5, 4, 3, 2), (3, 2, 4, 5)),
    "first_row": (stylegan2.first_row, (5,), (5,)),
}


@pytest.mark.parametrize(("transform", "shape", "expected"), TRANSFORMS.values(), ids=TRANSFORMS)
def test_transforms_and_their_inverses(transform, shape, expected):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    y = transform.apply(x)
    assert y.shape == expected
    back = transform.invert(y)
    assert back.shape == shape
    np.testing.assert_array_equal(back, x)


def test_variables_of_another_network():
    with pytest.raises(InputError, match="differ in params/a, params/b"):
        revert({"params": {"a": np.ones(2)}}, [Row("b", "params/b", same)])


@pytest.mark.parametrize(
    ("example", "names"),
    [
        ("arcface", "conv1.weight bn1.bias prelu.weight bn2.running_var features.running_mean layer3.1.prelu.weight"),
        ("arcface", "layer1.0.downsample.1.weight !layer3.1.downsample.0.weight"),
        ("feature-style", "conv.0.weight conv.2.weight block_2.1.bn1.weight block_2.0.downsample.0.weight"),
        ("feature-style", "content_layer.0.bias content_layer.5.running_var styles.3.bias !styles.4.bias"),
        ("resnet with a head", "bn1.running_mean layer2.1.bn3.running_var layer4.0.downsample.1.bias fc.bias"),
        ("resnet", "!layer2.1.downsample.0.weight !fc.bias"),
        ("dinov2", "blocks.1.ls2.gamma blocks.0.attn.qkv.bias blocks.1.mlp.fc2.weight norm.bias"),
        ("deit", "head.weight head.bias"),
        ("vgg16 with its dense layers", "classifier.0.weight classifier.3.bias !classifier.6.weight"),
    ],
)
def test_published_names(example, names):
    _, arrays = source_of(*EXAMPLES[example])
    for name in names.split():
        assert (name.removeprefix("!") in arrays) == (not name.startswith("!")), name


def test_indices_of_torchvision_count_relus_and_pools():
    index = [row.source for row in vgg.table(VGG16()) if row.source.endswith("bias")]
    assert index == [f"features.{i}.bias" for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
    alex = [row.source for row in lpips.table(lpips.Lpips(AlexNet())) if row.source.endswith("weight")]
    trunk = [f"net.slice{k}.{i}.weight" for k, i in enumerate((0, 3, 6, 8, 10), start=1)]
    assert alex == trunk + [f"lin{k}.model.1.weight" for k in range(5)]


@pytest.mark.parametrize("trunk", TRUNKS, ids=["vgg", "alex"])
def test_lpips_in_one_file_and_in_two(trunk):
    """The trunk in torchvision's names together with the heads gives the same variables."""
    variables, arrays = source_of("lpips", lpips.Lpips(trunk))
    names = {row.path: row.source for row in vgg.table(trunk)}
    ours = {row.source: names[row.path] for row in vgg.table(trunk, lpips.NAMES)}
    parts = {ours.get(name, name): x for name, x in arrays.items()}
    assert formats.find("lpips-parts").infer(parts) == lpips.Lpips(trunk)
    found = formats.find("lpips-parts").variables(parts)["params"]
    np.testing.assert_array_equal(found["head3"], variables["params"]["head3"])
    for layer, leaves in variables["params"]["trunk"].items():
        np.testing.assert_array_equal(found["trunk"][layer]["kernel"], leaves["kernel"])


def test_layouts():
    """Single elements, found by hand."""
    found = {name: source_of(*EXAMPLES[name]) for name in ("ada", "rosinality", "resnet", "dinov2", "hsr")}
    variables, arrays = found["ada"]
    kernel = variables["params"]["synthesis"]["b8"]["conv0"]["kernel"]
    assert kernel[0, 2, 3, 5] == arrays["synthesis.b8.conv0.weight"][5, 3, 0, 2]
    variables, arrays = found["rosinality"]
    kernel = variables["params"]["synthesis"]["b8"]["conv0"]["kernel"]
    assert kernel[0, 2, 3, 5] == arrays["convs.0.conv.weight"][0, 5, 3, 0, 2]
    variables, arrays = found["resnet"]
    kernel = variables["params"]["layer2_unit1"]["conv2"]["kernel"]
    assert kernel[0, 2, 1, 3] == arrays["layer2.1.conv2.weight"][3, 1, 0, 2]
    variables, arrays = found["dinov2"]
    kernel = variables["params"]["block2"]["attn"]["qkv"]["kernel"]
    assert kernel[5, 300] == arrays["blocks.1.attn.qkv.weight"][300, 5]
    variables, arrays = found["hsr"]
    kernel = arrays["synthesis.feat_transfer_list.1.conv1x1_2.weight"]
    np.testing.assert_array_equal(variables["params"]["heads"]["b16"]["conv2"]["kernel"][0, 0], kernel[:, :, 0, 0].T)


def test_the_rows_of_w_plus_lie_side_by_side():
    name, module = EXAMPLES["feature-style"]
    variables, arrays = source_of(name, module)
    kernel = variables["params"]["styles"]["kernel"].reshape(-1, module.num_ws, module.w_dim)
    np.testing.assert_array_equal(kernel[:, 2].T, arrays["styles.2.weight"])
    arrays |= {f"styles.{i}.weight": arrays[f"styles.{i}.weight"][:, :5] for i in range(4)}
    with pytest.raises(InputError, match="styles.weight"):
        formats.find(name).variables(arrays)


def test_dense_layers_read_the_pixels_that_they_were_trained_on():
    """Flattened features of [C, 4, 4] in the checkpoint, of [4, 4, C] here."""
    variables, arrays = source_of("stylegan2-ada-discriminator", DISCRIMINATOR)
    x = np.random.default_rng(0).normal(size=(12, 4, 4)).astype(np.float32)
    expected = arrays["b4.fc.weight"] @ x.ravel()
    actual = x.transpose(1, 2, 0).ravel() @ variables["params"]["b4"]["fc"]["kernel"]
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_no_mean_w_or_one_of_a_wrong_length():
    _, arrays = source_of("rosinality", GENERATOR)
    with pytest.raises(InputError, match=r"latent_avg \[5\] for stats/mapping/w_avg \[8\]"):
        formats.find("rosinality").variables(arrays | {"latent_avg": np.zeros(5)})
    del arrays["latent_avg"]
    with pytest.raises(InputError, match="missing: latent_avg"):
        formats.find("rosinality").variables(arrays)


def test_no_heads():
    _, arrays = source_of("hsr", HSR)
    del arrays["synthesis.feat_transfer_list.0.conv1x1_2.weight"]
    with pytest.raises(InputError, match=r"f.pkl is not an HSR generator with all its heads: .*conv1x1_2.weight"):
        formats.find("hsr").infer(arrays, source="f.pkl")
