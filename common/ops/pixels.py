"""Pixels: from 8 bits to float and back by the rule of each reference, and what pretrained networks want to see."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from common.ops.pool import adaptive_average_pool


def as_float(images: Array) -> Array:
    """Pixels as the networks of this project see them: uint8 [...] to float32 in [-1, 1]; float32 stays as it is."""
    # p / 127.5 - 1
    return images.astype(jnp.float32) / 127.5 - 1 if images.dtype == jnp.uint8 else images


def stylegan2_ada_uint8(images: Array) -> Array:
    """Generated images [B, H, W, C] in about [-1, 1] as StyleGAN2-ADA's metrics see them, uint8.

    An 8-bit pixel p that was mapped to p / 127.5 - 1 comes back as itself.
    """
    # min(max(127.5 x + 128, 0), 255), truncated: not by the conversion alone, which XLA for CPU (jax 0.10) leaves out
    # where it fuses it with the conversion back to float and a sum
    return jnp.floor(jnp.clip(images.astype(jnp.float32) * 127.5 + 128, 0, 255)).astype(jnp.uint8)


@dataclasses.dataclass(frozen=True)
class Normalization:
    """(x - mean) / std of an image in [0, 1], for red, green and blue."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGENET = Normalization((0.485, 0.456, 0.406), IMAGENET_STD)
"""What torchvision's, DINO's, DeiT's and DINOv2's networks were trained with."""
SYMMETRIC = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""[-1, 1]: ArcFace's and, but for half a grey value, FID's Inception."""
HSR = Normalization((0.48145466, 0.4578275, 0.40821073), IMAGENET_STD)
"""HSR's public code: CLIP's mean with ImageNet's deviation, a mixed pair. The document names no numbers."""


def preprocess(images: Array, size: int = 224, normalization: Normalization = IMAGENET) -> Array:
    """Generated or stored images to a pretrained network's input: averaged over areas to `size` px, normalised.

    Args:
      images: [B, H, W, 3], float32 in [-1, 1].
      size: side of the result; larger ones repeat pixels.

    Returns:
      [B, size, size, 3], float32. HSR (Sec. 4.3, thesis) uses 224 px.
    """
    if images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(f"images {images.shape} must be [B, H, W, 3]")
    mean, std = (jnp.asarray(x, images.dtype)[None, None, None] for x in dataclasses.astuple(normalization))
    # ((x / 2 + 1 / 2) - mean) / std
    return (adaptive_average_pool(images * 0.5 + 0.5, size) - mean) / std
