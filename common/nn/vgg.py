"""VGG-16 up to its last convolution (Simonyan and Zisserman, 2015, configuration D)."""

from collections.abc import Sequence
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.layers import Conv
from common.ops.pool import max_pool

DEPTHS = (2, 2, 3, 3, 3)
"""Convolutions in the five stages."""


class VGG16(nn.Module):
    """Five stages of 3x3 convolutions with ReLU, a 2x2 max pool between them. `widths`: channels of the stages."""

    widths: Sequence[int] = (64, 128, 256, 512, 512)
    dtype: DTypeLike = jnp.float32

    taps: ClassVar[tuple[str, ...]] = tuple(f"relu{stage}_{depth}" for stage, depth in enumerate(DEPTHS, start=1))
    """The last feature of each stage, of `widths` channels; what LPIPS reads."""

    @nn.compact
    def __call__(self, images: Array) -> tuple[Array, dict[str, Array]]:
        """Runs the convolutions.

        Args:
          images: [B, H, W, 3], float, normalised as the weights want it; H and W at least 16 pixels.

        Returns:
          `relu5_3` [B, H // 16, W // 16, widths[4]] and features `relu1_1`, `relu1_2`, `relu2_1`, ... `relu5_3`.

        Raises:
          ValueError: images of another rank or too small.
        """
        if images.ndim != 4 or min(images.shape[1:3]) < 16:
            raise ValueError(f"images must be [B, H, W, 3] of at least 16x16 pixels, not {images.shape}")
        x, features = images, {}
        for stage, (width, depth) in enumerate(zip(self.widths, DEPTHS, strict=True), start=1):
            if stage > 1:
                x = max_pool(x, 2, 2, padding=0)
            for i in range(1, depth + 1):
                x = nn.relu(Conv(width, use_bias=True, dtype=self.dtype, name=f"conv{stage}_{i}")(x))
                features[f"relu{stage}_{i}"] = x
        return x, features
