"""Tests `common.weights.published`: what is listed is true of this project's networks and formats."""

import jax
import numpy as np

from common.nn.alexnet import AlexNet
from common.nn.discriminator import Discriminator
from common.nn.inception import InceptionV3
from common.nn.iresnet import ArcFace
from common.nn.lpips import Lpips
from common.nn.resnet import ResNet
from common.nn.stylegan2 import Generator
from common.nn.vgg import VGG16
from common.nn.vit import ViT
from common.weights import formats
from common.weights.__main__ import main
from common.weights.networks import feature_style, inception, layouts
from common.weights.networks.feature_style import EncoderSizes
from common.weights.networks.table import shapes
from common.weights.published import PUBLISHED


def test_what_is_known_is_listed(capsys):
    main(["list"])
    printed = capsys.readouterr().out
    for known in PUBLISHED:
        assert known.command() in printed and known.licence in printed and known.where in printed
        assert known.format in formats.BY_NAME
    for format in formats.FORMATS:
        assert f"format {format.name}: {format.what}" in printed


def test_sizes_of_what_is_known():
    """The numbers of values are those of this project's networks."""
    base, full = Generator(256), Generator(1024, channel_base=32768)
    heads = {"features": (768,) * 4, "blocks": (8, 16, 32, 64), "hidden": 4096}
    encoder = EncoderSizes(18, 512, 512, (64, 128, 256, 512), (3, 4, 14, 3))
    resnet = lambda outputs: shapes(ResNet(num_outputs=outputs), (1, 32, 32, 3))
    vit = lambda **fields: shapes(ViT(**fields), (1, fields["patch"], fields["patch"], 3))
    large = {"patch": 16, "width": 768, "depth": 12, "heads": 12, "grid": 14}
    small = {"width": 384, "depth": 12, "heads": 6}
    generator, images = shapes(full, (1, 512)), (1, 64, 64, 3)
    networks = [
        generator,
        shapes(Discriminator(1024, channel_base=32768), (1, 1024, 1024, 3)),
        (shapes(base, (1, 512)), layouts.hsr_template({"generator": base, "heads": heads})),
        generator,
        generator,
        feature_style.encoder_shapes(encoder),
        shapes(ArcFace(), (1, 112, 112, 3)),
        *(resnet(outputs) for outputs in (1000, None, 128)),
        vit(**large),
        vit(patch=16, grid=14, **small),
        vit(patch=14, grid=37, layer_scale=True, **small),
        vit(num_outputs=1000, **large),
        *(shapes(Lpips(trunk), images, images) for trunk in (VGG16(), AlexNet())),
        inception._shapes(InceptionV3()),
    ]
    counts = [sum(int(np.prod(x.shape)) for x in jax.tree.leaves(network)) for network in networks]
    assert [known.values for known in PUBLISHED] == counts
