"""Colour of StyleGAN2-ADA's augmentation: five random changes, one affine map of every pixel."""

import math

import chex
import jax.numpy as jnp
import numpy as np
from jax import Array

from hsr_jax.ada.draws import AugmentationDraws

BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5  # of log2
SATURATION_STD = 1.0  # of log2


def colour_matrix(draws: AugmentationDraws) -> Array:
    """[B, 3, 4]: linear part and offset. Steps 9 to 13 of the augmentation: brightness first, saturation last."""
    brightness = draws.gaussian("brightness", BRIGHTNESS_STD)
    contrast = jnp.exp2(draws.gaussian("contrast", CONTRAST_STD))
    luma = 1 - 2 * draws.integer("lumaflip", 2)
    hue = draws.uniform("hue", math.pi)
    saturation = jnp.exp2(draws.gaussian("saturation", SATURATION_STD))
    # With v = (1, 1, 1) / sqrt(3), the luma axis: the flip acts along v, hue and saturation across, so they commute:
    # M = luma v v^T + saturation (cos(hue) (I - v v^T) + sin(hue) [v]x),  y = contrast (M x + luma brightness)
    along = np.full((1, 3, 3), 1 / 3)
    turn = np.array([[[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]]) / math.sqrt(3)
    cos, sin = saturation * jnp.cos(hue), saturation * jnp.sin(hue)
    linear = _wide(luma) * along + _wide(cos) * (np.eye(3)[None] - along) + _wide(sin) * turn
    offset = jnp.broadcast_to(_wide(luma * brightness), (len(luma), 3, 1))
    return _wide(contrast) * jnp.concatenate([linear, offset], -1)


def recolour(images: Array, matrix: Array) -> Array:
    """Pixels under affine maps. images [B, H, W, 3] or grey [B, H, W, 1], matrix [B, 3, 4].

    Grey pixels get the mean of what the three channels of a grey colour become: hue and saturation leave it alone.

    Raises:
      ValueError: neither three channels nor one.
    """
    chex.assert_shape(matrix, (images.shape[0], 3, 4))
    if images.shape[-1] == 1:
        matrix = matrix.mean(1, keepdims=True)
        matrix = jnp.concatenate([matrix[..., :3].sum(-1, keepdims=True), matrix[..., 3:]], -1)
    elif images.shape[-1] != 3:
        raise ValueError(f"colours have three channels or one, not {images.shape[-1]}")
    columns = matrix.astype(images.dtype)[:, None, None]
    # Elementwise, not a matrix product, because accelerators round a product's inputs.
    products = (images[..., c, None] * columns[..., c] for c in range(images.shape[-1]))
    return sum(products, columns[..., -1])


def _wide(x: Array) -> Array:
    return x[:, None, None]
