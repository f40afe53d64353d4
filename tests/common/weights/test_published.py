"""Tests `common.weights.published`: the list agrees with this project's networks and formats."""

import jax
import numpy as np

from common.nn.alexnet import AlexNet
from common.nn.discriminator import Discriminator
from common.nn.feature_style import FeatureStyleEncoder
from common.nn.hsr_heads import GeneratorWithHeads, Heads
from common.nn.inception import InceptionV3
from common.nn.iresnet import ArcFace
from common.nn.lpips import Lpips
from common.nn.resnet import ResNet
from common.nn.stylegan2 import Generator
from common.nn.vgg import VGG16
from common.nn.vit import ViT
from common.weights import formats
from common.weights.__main__ import main
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
    full, small = Generator(1024, channel_base=32768), ViT(patch=14, grid=37, layer_scale=True)
    modules = [
        full,
        Discriminator(1024, channel_base=32768),
        GeneratorWithHeads(Generator(256), Heads((768,) * 4)),
        full,
        full,
        FeatureStyleEncoder(18),
        ArcFace(),
        *(ResNet(num_outputs=outputs) for outputs in (1000, None, 128)),
        ViT(width=768, heads=12),
        ViT(),
        small,
        ViT(width=768, heads=12, num_outputs=1000),
        Lpips(VGG16()),
        Lpips(AlexNet()),
        VGG16(fc_width=4096),
        AlexNet(),
        InceptionV3(),
    ]
    for known, module in zip(PUBLISHED, modules, strict=True):
        template = formats.find(known.format).template(module)
        assert known.values == sum(int(np.prod(x.shape)) for x in jax.tree.leaves(template)), known.what
