"""Colour changes of StyleGAN2-ADA's augmentation: five random changes, combined to one affine map of every pixel."""

import math

import chex
import jax.numpy as jnp
import numpy as np
from jax import Array

from hsr_jax.ada.draws import AugmentationDraws

BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5  # in powers of 2
SATURATION_STD = 1.0  # in powers of 2


def colour_matrix(draws: AugmentationDraws) -> Array:
    """Maps of colours [B, 3, 4], linear part and offset; steps 9 (brightness) to 13 (saturation)."""
    brightness = draws.gaussian("brightness", BRIGHTNESS_STD)
    contrast = jnp.exp2(draws.gaussian("contrast", CONTRAST_STD))
    luma = 1 - 2 * draws.integer("lumaflip", 2)
    hue = draws.uniform("hue", math.pi)
    saturation = jnp.exp2(draws.gaussian("saturation", SATURATION_STD))
    # v = (1, 1, 1) / sqrt(3) is the luma axis. The inversion acts along v, hue and saturation act across it, so these
    # three commute.
    # M = luma v v^T + saturation (cos(hue) (I - v v^T) + sin(hue) [v]x),  y = contrast (M x + luma brightness)
    along = np.full((1, 3, 3), 1 / 3)
    turn = np.array([[[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]]) / math.sqrt(3)
    cos, sin = saturation * jnp.cos(hue), saturation * jnp.sin(hue)
    linear = _wide(luma) * along + _wide(cos) * (np.eye(3)[None] - along) + _wide(sin) * turn
    offset = jnp.broadcast_to(_wide(luma * brightness), (len(luma), 3, 1))
    return _wide(contrast) * jnp.concatenate([linear, offset], -1)


def recolour(images: Array, matrix: Array) -> Array:
    """Images after an affine map of the colours of each.

    A pixel of a grey image becomes the mean over the channels of the mapped colour (grey, grey, grey). Hue and
    saturation do not change this mean.

    Args:
      images: [B, H, W, 3], or grey [B, H, W, 1].
      matrix: [B, 3, 4].

    Raises:
      ValueError: the number of channels is neither 3 nor 1.
    """
    chex.assert_shape(matrix, (images.shape[0], 3, 4))
    if images.shape[-1] == 1:
        matrix = matrix.mean(1, keepdims=True)
        matrix = jnp.concatenate([matrix[..., :3].sum(-1, keepdims=True), matrix[..., 3:]], -1)
    elif images.shape[-1] != 3:
        raise ValueError(f"colours have three channels or one, not {images.shape[-1]}")
    columns = matrix.astype(images.dtype)[:, None, None]
    # Elementwise products, because accelerators round the inputs of a matrix product.
    products = (images[..., c, None] * columns[..., c] for c in range(images.shape[-1]))
    return sum(products, columns[..., -1])


def _wide(x: Array) -> Array:
    return x[:, None, None]
