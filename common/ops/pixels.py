"""Pixel values: conversion between 8 bits and float by each reference's rule, and the input of pretrained networks."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from common.ops.pool import adaptive_average_pool


def as_float(images: Array) -> Array:
    """Pixels in the range of this project's networks: uint8 [...] -> float32 in [-1, 1]; floats are returned as is."""
    # p / 127.5 - 1
    return images.astype(jnp.float32) / 127.5 - 1 if images.dtype == jnp.uint8 else images


def stylegan2_ada_uint8(images: Array) -> Array:
    """Generated images [B, H, W, C] in about [-1, 1], as uint8 by the rule of StyleGAN2-ADA's metrics.

    The rule inverts `as_float`: an 8-bit pixel p that was mapped to p / 127.5 - 1 comes back as p.
    """
    # min(max(127.5 x + 128, 0), 255), truncated. The floor is explicit, because XLA for CPU (jax 0.10) drops the
    # truncation of the conversion where it fuses it with a conversion back to float and a sum.
    return jnp.floor(jnp.clip(images.astype(jnp.float32) * 127.5 + 128, 0, 255)).astype(jnp.uint8)


@dataclasses.dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation per colour channel; an image x in [0, 1] becomes (x - mean) / std."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGENET = Normalization((0.485, 0.456, 0.406), IMAGENET_STD)
"""Normalization with which the networks of torchvision, DINO, DeiT and DINOv2 were trained."""
SYMMETRIC = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Range [-1, 1], the input of ArcFace and, up to half a grey value, of FID's Inception."""
HSR = Normalization((0.48145466, 0.4578275, 0.40821073), IMAGENET_STD)
"""Normalization of HSR's public code, which mixes CLIP's mean and ImageNet's deviation. The thesis names no numbers."""


def preprocess(images: Array, size: int = 224, normalization: Normalization = IMAGENET) -> Array:
    """Images as the input of a pretrained network: averaged over areas to `size` pixels, then normalised.

    Args:
      images: [B, H, W, 3], float32 in [-1, 1].
      size: side of the result, pixels; 224 in HSR (Sec. 4.3, thesis). Smaller images are enlarged by repeating pixels.
      normalization: mean and deviation that the network was trained with.

    Returns:
      [B, size, size, 3], float32.
    """
    if images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(f"images {images.shape} must be [B, H, W, 3]")
    mean, std = (jnp.asarray(x, images.dtype)[None, None, None] for x in dataclasses.astuple(normalization))
    # ((x / 2 + 1 / 2) - mean) / std
    return (adaptive_average_pool(images * 0.5 + 0.5, size) - mean) / std
