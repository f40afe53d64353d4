"""VGG-16 (Simonyan and Zisserman, 2015, configuration D): its convolutions and, optionally, two dense layers."""

from collections.abc import Sequence
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.layers import Conv
from common.ops.pool import max_pool

DEPTHS = (2, 2, 3, 3, 3)
"""Number of convolutions in each of the five stages."""
FC_GRID = 7
"""Side of the feature map that the fully connected layers read."""
FC_SIZE = 32 * FC_GRID
"""Side in pixels of the images that a network with fully connected layers takes."""


class VGG16(nn.Module):
    """Five stages of 3x3 convolutions with ReLU, a 2x2 max pool between them, and two fully connected layers."""

    widths: Sequence[int] = (64, 128, 256, 512, 512)
    """Number of channels in each stage."""
    fc_width: int | None = None
    """Width of the two fully connected layers, 4096 in the public weights; there are none when absent. Precision and
    recall compare the output of the second (Kynkaanniemi et al., 2019). Dropout is left out."""
    dtype: DTypeLike = jnp.float32

    taps: ClassVar[tuple[str, ...]] = tuple(f"relu{stage}_{depth}" for stage, depth in enumerate(DEPTHS, start=1))
    """Names of the features that LPIPS reads, the last of each stage, with `widths` channels."""

    @nn.compact
    def __call__(self, images: Array) -> tuple[Array, dict[str, Array]]:
        """Runs the network.

        Args:
          images: [B, H, W, 3], float, normalised as in the training of the weights; H and W at least 16 pixels, exactly
            224 with fully connected layers.

        Returns:
          `relu5_3` [B, H // 16, W // 16, widths[4]] or, with fully connected layers, `fc2` [B, fc_width]; and features
          `relu1_1`, `relu1_2`, `relu2_1`, ... `relu5_3`, `fc1`, `fc2`.

        Raises:
          ValueError: images of another rank or of a size that the network cannot take.
        """
        if images.ndim != 4 or min(images.shape[1:3]) < 16:
            raise ValueError(f"images must be [B, H, W, 3] of at least 16x16 pixels, not {images.shape}")
        if self.fc_width is not None and images.shape[1:3] != (FC_SIZE, FC_SIZE):
            raise ValueError(f"the fully connected layers are for {FC_SIZE}x{FC_SIZE} pixels, not {images.shape}")
        x, features = images, {}
        for stage, (width, depth) in enumerate(zip(self.widths, DEPTHS, strict=True), start=1):
            if stage > 1:
                x = max_pool(x, 2, 2, padding=0)
            for i in range(1, depth + 1):
                x = nn.relu(Conv(width, use_bias=True, dtype=self.dtype, name=f"conv{stage}_{i}")(x))
                features[f"relu{stage}_{i}"] = x
        if self.fc_width is not None:
            x = max_pool(x, 2, 2, padding=0).reshape(len(images), -1)
            for name in ("fc1", "fc2"):
                x = features[name] = nn.relu(nn.Dense(self.fc_width, dtype=self.dtype, name=name)(x))
        return x, features
