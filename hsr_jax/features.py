"""What the pretrained networks of HSR see and which of their features are the targets (Sec. 4.3.1, thesis)."""

from typing import Literal

import jax.numpy as jnp
from jax import Array

from common.ops.pool import adaptive_average_pool

Normalization = Literal["imagenet", "hsr"]
# Mean and standard deviation of RGB in [0, 1].
NORMALIZATIONS: dict[Normalization, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "hsr": ((0.48145466, 0.4578275, 0.40821073), (0.229, 0.224, 0.225)),
}


def preprocess(images: Array, size: int = 224, normalization: Normalization = "imagenet") -> Array:
    """Generated images -> input of an extractor, resized by averaging over a grid of `size` x `size` bins.

    Args:
      images: [B, R, R, 3] in [-1, 1]; values beyond are not clipped.
      normalization: 'imagenet' is what the extractors were trained with, the document names none; 'hsr' is the public
        code's, the mean of CLIP with the standard deviation of ImageNet.

    Returns:
      [B, size, size, 3].
    """
    mean, std = (jnp.asarray(x, images.dtype)[None, None, None] for x in NORMALIZATIONS[normalization])
    return (adaptive_average_pool(images * 0.5 + 0.5, size) - mean) / std
