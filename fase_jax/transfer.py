"""Interleaved transfer layers: convolutions that turn a generator of faces into one of heatmaps (FASE, Sec. 3.3)."""

from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.layers import Conv

Placement = Literal["layer", "block"]
Init = Literal["dirac", "random"]

# The last layer starts with small values, so that heatmaps start near 0 like the background of their targets.
small_normal = nn.initializers.normal(1e-3)


def dirac(key: Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> Array:
    """Kernel [k, k, C, C] of the identity, so that a new layer changes nothing. `key` is not used."""
    height, width, channels, out_channels = shape
    if channels != out_channels:
        raise ValueError(f"an identity kernel keeps the width, not {channels} -> {out_channels} channels")
    return jnp.zeros(shape, dtype).at[height // 2, width // 2].set(jnp.eye(channels, dtype=dtype))


class TransferLayer(nn.Module):
    """3x3 convolution with bias and without activation, placed after a layer of the generator."""

    num_landmarks: int | None = None
    """Number of heatmaps for the last ITL; None keeps the number of channels."""
    kernel: Init = "dirac"
    """Initial kernel of a layer that keeps the number of channels. The last ITL starts with small random numbers."""
    dtype: DTypeLike = jnp.float32
    """Type of the convolution."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Adapts features [B, H, W, C] -> [B, H, W, C], or turns them into heatmaps [B, H, W, num_landmarks]."""
        width = self.num_landmarks or x.shape[-1]
        init = dirac if self.kernel == "dirac" and self.num_landmarks is None else small_normal
        return Conv(width, use_bias=True, kernel_init=init, dtype=self.dtype, name="conv")(x)


def conv_at(resolution: int, second: bool) -> int:
    """Index of a generator layer. There is one layer at 4 px, then two per resolution, of which the first upsamples."""
    return 2 * (resolution.bit_length() - 1) - 5 + int(second)


def transfer_places(
    feature_resolution: int, heatmap_resolution: int, num_itls: int, placement: Placement
) -> tuple[int, ...]:
    """Indices of the generator layers that an ITL follows, ascending.

    From f at 16 px to heatmaps at 128 px the generator has six layers, two each at 32, 64 and 128 px. N ITLs follow the
    last N of these layers (Table 7), or with placement 'block' the second layer at each of the last N resolutions.

    Raises:
      ValueError: fewer than `num_itls` places, or none wanted.
    """
    first = conv_at(2 * feature_resolution, second=False)
    last = conv_at(heatmap_resolution, second=True)
    places = range(first, last + 1) if placement == "layer" else range(first + 1, last + 1, 2)
    if not 1 <= num_itls <= len(places):
        raise ValueError(
            f"num_itls={num_itls}: from f at {feature_resolution} px to heatmaps at {heatmap_resolution} px "
            f"there are {len(places)} places by {placement}"
        )
    return tuple(places[-num_itls:])
