"""What the pretrained networks of HSR see and which of their features are the targets (Sec. 4.3.1, thesis)."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import jax.numpy as jnp
from jax import Array

from common.nn.resnet import STAGES
from common.nn.vit import patch_map
from common.ops import preprocess

Normalization = Literal["imagenet", "hsr"]
NORMALIZATIONS: dict[Normalization, preprocess.Normalization] = {
    "imagenet": preprocess.IMAGENET,
    "hsr": preprocess.HSR,
}
"""'imagenet' is what the extractors were trained with, the document names none; 'hsr' is the public code's."""

VIT_LAYERS = ("block12", "block9", "block6", "block3")
"""The document's layers of a ViT, deepest first. The public code takes them so from DeiT."""
DINO_LAYERS = tuple(f"{layer}.norm" for layer in VIT_LAYERS)
"""The same through the network's last LayerNorm, as the public code takes them from DINO."""
RESNET_LAYERS = STAGES
"""Of a ResNet-50: 2048, 1024, 512 and 256 channels."""


def target_maps(features: Mapping[str, Array], layers: Sequence[str]) -> list[Array]:
    """An extractor's features as maps; the class token of a ViT is left out.

    Args:
      features: of `ViT` [B, 1 + h * h, C] or `ResNet` [B, h, h, C], for square images.
      layers: names, e.g. `DINO_LAYERS` or `RESNET_LAYERS`.

    Returns:
      [B, h, h, C] a layer, float32.
    """
    maps = []
    for layer in layers:
        x = features[layer].astype(jnp.float32)
        side = math.isqrt(x.shape[1])
        maps.append(patch_map(x, (side, side)) if x.ndim == 3 else x)
    return maps
