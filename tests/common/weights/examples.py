"""A small module of every format, and checkpoints of random weights for it."""

import flax.linen as nn
import jax
import numpy as np
from flax import traverse_util

from common.nn.alexnet import AlexNet
from common.nn.discriminator import Discriminator
from common.nn.feature_style import FeatureStyleEncoder
from common.nn.hsr_heads import GeneratorWithHeads, Heads
from common.nn.iresnet import ArcFace
from common.nn.lpips import Lpips
from common.nn.resnet import ResNet
from common.nn.stylegan2 import Generator
from common.nn.vgg import VGG16
from common.nn.vit import ViT
from common.weights import formats

GENERATOR = Generator(16, z_dim=8, w_dim=8, num_layers=2, channel_base=96, channel_max=12)
DISCRIMINATOR = Discriminator(16, num_layers=0, channel_base=96, channel_max=12)
HSR = GeneratorWithHeads(GENERATOR, Heads((5, 6), (8, 16), hidden=7, activation="relu"))
RESNET = ResNet((4, 4, 6, 8), (1, 2, 1, 1))
VIT = ViT(patch=4, width=64, depth=2, heads=1, grid=3)
WIDTHS = (2, 3, 4, 5, 6)
TRUNKS = (VGG16(WIDTHS), AlexNet(WIDTHS))
ARCFACE = ArcFace(6, (3, 4, 5, 6), (1, 1, 2, 1), image_size=48)

EXAMPLES: dict[str, tuple[str, nn.Module]] = {
    "ada": ("stylegan2-ada", GENERATOR),
    "ada with labels": ("stylegan2-ada", GENERATOR.clone(c_dim=3)),
    "ada discriminator": ("stylegan2-ada-discriminator", DISCRIMINATOR),
    "ada discriminator, orig": ("stylegan2-ada-discriminator", DISCRIMINATOR.clone(architecture="orig")),
    "ada discriminator with labels": ("stylegan2-ada-discriminator", DISCRIMINATOR.clone(c_dim=3, num_layers=2)),
    "ada discriminator, grey": ("stylegan2-ada-discriminator", DISCRIMINATOR.clone(mbstd_channels=3, img_channels=1)),
    "hsr": ("hsr", HSR),
    "rosinality": ("rosinality", GENERATOR),
    "rosinality discriminator": ("rosinality-discriminator", DISCRIMINATOR.clone(num_layers=8)),
    "feature-style": ("feature-style", FeatureStyleEncoder(4, 8, 16, 6, (2, 3, 4, 5), (1, 2, 1, 1))),
    "arcface": ("arcface", ARCFACE),
    "resnet": ("resnet", RESNET),
    "resnet with a head": ("resnet", RESNET.clone(num_outputs=5)),
    "dino": ("dino", VIT.clone(dino_positions=True)),
    "dinov2": ("dino", VIT.clone(layer_scale=True, width=128, heads=2, dino_positions=True)),
    "deit": ("deit", VIT.clone(num_outputs=5)),
    "lpips, vgg": ("lpips", Lpips(TRUNKS[0])),
    "lpips, alex": ("lpips", Lpips(TRUNKS[1])),
    "lpips-parts, vgg": ("lpips-parts", Lpips(TRUNKS[0])),
    "lpips-parts, alex": ("lpips-parts", Lpips(TRUNKS[1])),
    "vgg16": ("vgg16", TRUNKS[0]),
    "vgg16 with its dense layers": ("vgg16", TRUNKS[0].clone(fc_width=5)),
    "alexnet": ("alexnet", TRUNKS[1]),
}


def source_of(name: str, module: nn.Module, seed: int = 0) -> tuple[dict, dict[str, np.ndarray]]:
    """Random variables of a module, and the arrays of a checkpoint of this format that holds them."""
    format, rng = formats.find(name), np.random.default_rng(seed)
    draw = lambda x: rng.standard_normal(x.shape, x.dtype)
    variables = jax.tree.map(draw, format.template(module))
    return variables, format.arrays(variables, module)


def below(prefix: str, arrays: dict) -> dict:
    return {prefix + name: x for name, x in arrays.items()}


def assert_same(actual: dict, expected: dict) -> None:
    """The same names, shapes and bits, of trees or flat dicts."""
    a, b = (traverse_util.flatten_dict(tree, sep="/") for tree in (actual, expected))
    assert a.keys() == b.keys()
    for name in a:
        x, y = np.asarray(a[name]), np.asarray(b[name])
        assert x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes(), name
