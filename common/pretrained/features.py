"""What the pretrained networks of HSR see and which of their features are the targets (Sec. 4.3.1, thesis)."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from common.nn.alexnet import AlexNet
from common.nn.inception import InceptionV3
from common.nn.iresnet import IResNet
from common.nn.resnet import STAGES, ResNet
from common.nn.vgg import VGG16
from common.nn.vit import ViT, patch_map
from common.ops import pixels

Normalization = Literal["own", "hsr"]
"""'own' is what the extractor was trained with, for the document names none; 'hsr' is the public code's."""

VIT_LAYERS = ("block12", "block9", "block6", "block3")
"""The document's layers of a ViT, deepest first. The public code takes them so from DeiT."""
DINO_LAYERS = tuple(f"{layer}.norm" for layer in VIT_LAYERS)
"""The same through the network's last LayerNorm, as the public code takes them from DINO."""


class Inputs(NamedTuple):
    """What a kind of network wants to see, and which of its features are targets."""

    layers: tuple[str, ...]
    """Four names of features, deepest first."""
    multiple: int
    """The side of the image is a multiple of this."""
    smallest: int
    normalization: pixels.Normalization = pixels.IMAGENET


CONVOLUTIONAL: dict[type, Inputs] = {
    # 2048, 1024, 512 and 256 channels of a ResNet-50.
    ResNet: Inputs(STAGES, 32, 32),
    VGG16: Inputs(("relu5_3", "relu4_3", "relu3_3", "relu2_2"), 16, 16),
    AlexNet: Inputs(("relu5", "relu3", "relu2", "relu1"), 1, 31),
    InceptionV3: Inputs(("Mixed_7c", "Mixed_6e", "Mixed_5d", "MaxPool_3a_3x3"), 1, 75, pixels.SYMMETRIC),
    IResNet: Inputs(("stage4", "stage3", "stage2", "stage1"), 16, 16, pixels.SYMMETRIC),
}


def inputs_of(module: nn.Module, final_norm: bool = True) -> Inputs:
    """Of a network of `common.nn`; `final_norm`: whether a ViT's features are those through its last LayerNorm."""
    if isinstance(module, ViT):
        return Inputs(DINO_LAYERS if final_norm else VIT_LAYERS, module.patch, module.patch)
    return CONVOLUTIONAL[type(module)]


def target_maps(features: Mapping[str, Array], layers: Sequence[str]) -> list[Array]:
    """An extractor's features as maps; the class token of a ViT is left out.

    Args:
      features: of `ViT` [B, 1 + h * h, C] or another network [B, h, h, C], for square images.
      layers: names, see `inputs_of`.

    Returns:
      [B, h, h, C] a layer, float32.
    """
    maps = []
    for layer in layers:
        x = features[layer].astype(jnp.float32)
        side = math.isqrt(x.shape[1])
        maps.append(patch_map(x, (side, side)) if x.ndim == 3 else x)
    return maps
