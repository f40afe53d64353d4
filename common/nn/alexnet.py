"""AlexNet up to its last convolution, in the variant of "One weird trick" (Krizhevsky, 2014) and torchvision."""

from collections.abc import Sequence
from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.layers import Conv
from common.ops.pool import max_pool

# Size, stride and padding of the five convolutions, and whether a max pool precedes them.
LAYERS = ((11, 4, 2, False), (5, 1, 2, True), (3, 1, 1, True), (3, 1, 1, False), (3, 1, 1, False))


class AlexNet(nn.Module):
    """Five convolutions with ReLU, and 3x3 max pools of stride 2 before the second and the third convolution."""

    widths: Sequence[int] = (64, 192, 384, 256, 256)
    """Number of channels of each convolution."""
    dtype: DTypeLike = jnp.float32

    taps: ClassVar[tuple[str, ...]] = tuple(f"relu{i}" for i in range(1, len(LAYERS) + 1))
    """Names of the features that LPIPS reads, with `widths` channels."""

    @nn.compact
    def __call__(self, images: Array) -> tuple[Array, dict[str, Array]]:
        """Runs the convolutions.

        Args:
          images: [B, H, W, 3], float, normalised as in the training of the weights; H and W at least 31 pixels.

        Returns:
          `relu5` [B, about H / 16 - 1, about W / 16 - 1, widths[4]] and features `relu1` to `relu5`.

        Raises:
          ValueError: images of another rank or too small.
        """
        if images.ndim != 4 or min(images.shape[1:3]) < 31:
            raise ValueError(f"images must be [B, H, W, 3] of at least 31x31 pixels, not {images.shape}")
        x, features = images, {}
        for i, (width, (size, stride, padding, pool)) in enumerate(zip(self.widths, LAYERS, strict=True), start=1):
            if pool:
                x = max_pool(x, 3, 2, padding=0)
            conv = Conv(width, size, stride, use_bias=True, padding=padding, dtype=self.dtype, name=f"conv{i}")
            x = nn.relu(conv(x))
            features[f"relu{i}"] = x
        return x, features
