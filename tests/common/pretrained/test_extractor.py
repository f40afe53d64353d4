"""Every kind of network as an extractor, read from its public layout or an imported directory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.errors import InputError
from common.nn.alexnet import AlexNet
from common.nn.feature_style import FeatureStyleEncoder
from common.nn.inception import InceptionV3
from common.nn.iresnet import ArcFace
from common.nn.lpips import Lpips
from common.nn.resnet import ResNet
from common.nn.stylegan2 import Generator
from common.nn.vgg import VGG16
from common.nn.vit import ViT
from common.ops.pixels import HSR, IMAGENET
from common.pretrained.extractor import (
    CONVOLUTIONAL,
    DINO_LAYERS,
    FORMATS,
    VIT_LAYERS,
    inputs_of,
    load_extractor,
    make_extractor,
    target_maps,
    trunk_of,
)
from common.pretrained.perceptual import open_perceptual
from common.weights import formats

WIDTHS = (2, 3, 4, 5, 6)
VGG_MAPS = [(2, 6), (4, 5), (8, 4), (16, 3)]
IRESNET_MAPS = [(4, 5), (8, 4), (16, 3), (32, 2)]
ALEXNET_MAPS = [(3, 6), (3, 4), (7, 3), (15, 2)]
ARCFACE = ArcFace(features=4, widths=(2, 3, 4, 5), depths=(1, 1, 1, 1), image_size=32)
VIT = ViT(patch=16, width=64, heads=1, grid=2)
# format -> network, size of the images, (side, channels) of the features, deepest first
NETWORKS = {
    "arcface": (ARCFACE, 64, IRESNET_MAPS),
    "feature-style": (FeatureStyleEncoder(2, 4, 4, 3, ARCFACE.widths, ARCFACE.depths), 64, IRESNET_MAPS),
    "vgg16": (VGG16(WIDTHS, fc_width=5), 32, VGG_MAPS),
    "lpips": (Lpips(VGG16(WIDTHS)), 32, VGG_MAPS),
    "alexnet": (AlexNet(WIDTHS), 63, ALEXNET_MAPS),
    "lpips-parts": (Lpips(AlexNet(WIDTHS)), 63, ALEXNET_MAPS),
    "resnet": (ResNet((2, 2, 2, 2), (1, 1, 1, 1)), 64, [(2 << i, 8) for i in range(4)]),
    "dino": (VIT.clone(dino_positions=True), 32, [(2, 64)] * 4),
    "deit": (VIT.clone(num_outputs=3), 32, [(2, 64)] * 4),
    "pytorch-fid": (InceptionV3(num_classes=10), 75, [(1, 2048), (3, 768), (7, 288), (17, 64)]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_four_levels_of_every_network(name):
    """Shapes alone, so that the large ones are not computed."""
    module, size, expected = NETWORKS[name]
    network, variables = make_extractor(module, formats.find(name).template(module), size)
    sides, widths = network.shapes(variables)
    assert list(zip(sides, widths, strict=True)) == expected
    # [-1, 1] for the networks that were trained with it, ImageNet's statistics for the others.
    grey = network.normalization.mean[0]
    assert (grey == 0.5) == (name in ("arcface", "feature-style", "pytorch-fid"))


def test_every_network_is_tested():
    assert set(NETWORKS) == set(FORMATS)
    trunks = {type(trunk_of(module, formats.find(name).template(module))[0]) for name, (module, *_) in NETWORKS.items()}
    assert trunks == {*CONVOLUTIONAL, ViT}


@pytest.mark.parametrize("imported", [False, True])
@pytest.mark.parametrize("name", ["arcface", "vgg16", "alexnet"])
def test_features_of_a_file_are_the_networks(name, imported, write):
    """An imported directory is as good as the file."""
    module, size, _ = NETWORKS[name]
    path = write(name, module, imported)
    network, variables = load_extractor(path, size)
    images = jax.random.uniform(jax.random.key(0), (2, size, size, 3), minval=-1)
    _, found, whole = formats.open_network(path, (name,))
    assert found == module
    trunk, own = trunk_of(module, whole)
    normalized = (np.asarray(images) / 2 + 0.5 - np.array(IMAGENET.mean)) / np.array(IMAGENET.std)
    seen = images if name == "arcface" else normalized.astype(np.float32)
    deepest, _ = trunk.apply(own, seen)
    np.testing.assert_allclose(network.targets(variables, images)[0], deepest, atol=1e-5 * np.abs(deepest).max())


@pytest.mark.parametrize("name", ["vgg16", "lpips", "alexnet"])
def test_a_perceptual_distance_of_an_imported_network(name, write):
    distance = open_perceptual(write(name, NETWORKS[name][0], imported=True), image_size=64)
    images = jax.random.uniform(jax.random.key(0), (2, 64, 64, 3), minval=-1)
    described = distance.describe(distance.variables, images)
    swapped = jax.tree.map(lambda x: x[::-1], described)
    np.testing.assert_array_equal(distance.compare(distance.variables, described, described), 0)
    assert (distance.compare(distance.variables, described, swapped) > 0).all()


def test_sizes_that_a_network_cannot_take_are_named(write):
    path = write("alexnet", NETWORKS["alexnet"][0])
    with pytest.raises(InputError, match="field hsr.image_size: 16 px .* at least 31; take 31"):
        load_extractor(path, 16, field="hsr.image_size")


def test_what_is_no_extractor(write):
    path = write("stylegan2-ada", Generator(16, 8, w_dim=8, channel_base=64, channel_max=8), imported=True)
    with pytest.raises(InputError, match="format stylegan2-ada"):
        load_extractor(path)


def test_choices():
    module, size, _ = NETWORKS["dino"]
    template = formats.find("dino").template(module)
    own, _ = make_extractor(module, template, size)
    other, _ = make_extractor(module, template, size, final_norm=False, normalization="hsr")
    assert (own.normalization, own.layers) == (IMAGENET, DINO_LAYERS)
    assert (other.normalization, other.layers) == (HSR, VIT_LAYERS)


def test_target_maps():
    """Patches row by row without the class token, deepest block first; maps of a ResNet are unchanged."""
    tokens = jnp.arange(10.0)[None, :, None] * jnp.array([1.0, -1.0])[None, None]
    (patches,) = target_maps({"block3": tokens.astype(jnp.bfloat16)}, ["block3"])
    assert patches.dtype == jnp.float32
    np.testing.assert_array_equal(patches[0, :, :, 1], -np.arange(1.0, 10.0).reshape(3, 3))
    images = jax.ShapeDtypeStruct((2, 64, 64, 3), np.float32)
    layers = inputs_of(ResNet()).layers
    maps = lambda images: target_maps(ResNet().init_with_output(jax.random.key(0), images)[0][1], layers)
    assert [x.shape for x in jax.eval_shape(maps, images)] == [(2, 2 << i, 2 << i, 2048 >> i) for i in range(4)]
