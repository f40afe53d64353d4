"""Every kind of network as an extractor, read from its public layout."""

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from common.errors import InputError
from common.nn.alexnet import AlexNet
from common.nn.inception import InceptionV3
from common.nn.iresnet import ArcFace
from common.nn.lpips import Lpips
from common.nn.vgg import VGG16
from common.pretrained import extractor
from common.weights import formats
from common.weights.networks.table import shapes
from hsr_jax.config import HsrConfig

IMAGE = (1, 32, 32, 3)
ARCFACE = ArcFace(features=4, widths=(2, 3, 4, 5), depths=(1, 1, 1, 1))
NETWORKS = {
    "arcface": (ARCFACE, "arcface", (IMAGE,), 64, [(4, 5), (8, 4), (16, 3), (32, 2)]),
    "vgg16": (Lpips(VGG16((2, 3, 4, 5, 6))), "lpips", (IMAGE, IMAGE), 32, [(2, 6), (4, 5), (8, 4), (16, 3)]),
    "alexnet": (Lpips(AlexNet((2, 3, 4, 5, 6))), "lpips-parts", (IMAGE, IMAGE), 63, [(3, 6), (3, 4), (7, 3), (15, 2)]),
    "inception": (
        InceptionV3(num_classes=1008),
        "pytorch-fid",
        ((1, 75, 75, 3),),
        75,
        [(1, 2048), (3, 768), (7, 288), (17, 64)],
    ),
}


def write(path, module, name: str, inputs) -> str:
    """A checkpoint of drawn weights in a public layout."""
    rng = np.random.default_rng(0)
    variables = jax.tree.map(
        lambda x: np.abs(rng.normal(0.1, 0.1, x.shape)).astype(np.float32), shapes(module, *inputs)
    )
    module = {"network": module, "image_size": 32} if name == "arcface" else module
    arrays = formats.BY_NAME[name].arrays(variables, module)
    save_file({key: np.array(x, np.float32, order="C") for key, x in arrays.items()}, path)
    return str(path)


@pytest.mark.parametrize("kind", NETWORKS)
def test_four_levels_of_every_network(kind, tmp_path):
    module, layout, inputs, size, expected = NETWORKS[kind]
    path = write(tmp_path / "network.safetensors", module, layout, inputs)
    network, variables = extractor.build(HsrConfig(extractor=path, image_size=size), seed=0)
    sides, widths = network.shapes(variables)
    assert list(zip(sides, widths, strict=True)) == expected
    # [-1, 1] for the two networks that were trained with it, ImageNet's statistics for the others.
    grey = network.normalization.mean[0]
    assert (grey == 0.5) == (kind in ("arcface", "inception"))


def test_sizes_that_a_network_cannot_take_are_named(tmp_path):
    module, layout, inputs, *_ = NETWORKS["alexnet"]
    path = write(tmp_path / "network.safetensors", module, layout, inputs)
    with pytest.raises(InputError, match="hsr.image_size .*: 16 px .* less than 31; take 31"):
        extractor.build(HsrConfig(extractor=path, image_size=16), seed=0)


def test_targets_of_a_file_are_the_networks(tmp_path):
    module, layout, inputs, size, _ = NETWORKS["arcface"]
    path = write(tmp_path / "network.safetensors", module, layout, inputs)
    network, variables = extractor.build(HsrConfig(extractor=path, image_size=size), seed=0)
    images = jax.random.uniform(jax.random.key(0), (2, size, size, 3), minval=-1)
    format, arrays = formats.network_arrays(path, ("arcface",))
    whole = format.variables(arrays, format.module(arrays, source=path), source=path)
    # The trunk sees [-1, 1] and does not mind that the embedding is for 32 px.
    deepest, _ = network.module.apply({name: tree["trunk"] for name, tree in whole.items()}, images)
    np.testing.assert_allclose(network.targets(variables, images)[0], deepest, atol=1e-5 * np.abs(deepest).max())
