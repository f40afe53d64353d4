"""The Feature-Style encoder: an image becomes rows of W+ and a feature map of the generator (Sec. 3.2, FASE)."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.iresnet import IResNet
from common.nn.layers import Conv, PReLU, batch_norm
from common.ops.pool import adaptive_average_pool


class ContentBranch(nn.Module):
    """Stage 3 of the trunk -> feature code f: BN, conv3x3, BN, PReLU, conv3x3 with a stride, BN."""

    channels: int
    stride: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """[B, H, W, C] -> [B, H / stride, W / stride, channels]."""
        x = batch_norm(train, "bn1", self.dtype)(x)
        x = Conv(self.channels, dtype=self.dtype, name="conv1")(x)
        x = PReLU(name="prelu")(batch_norm(train, "bn2", self.dtype)(x))
        x = Conv(self.channels, stride=self.stride, dtype=self.dtype, name="conv2")(x)
        return batch_norm(train, "bn3", self.dtype)(x)


class FeatureStyleEncoder(nn.Module):
    """Offsets in W+ from all four stages of an iresnet, and a feature map f from the third.

    The full model has 256 px input, the default widths and depths, f at 16 px, and 18 rows of W+ (14 at 256 px).
    """

    num_ws: int
    """Number of rows of W+."""
    w_dim: int = 512
    """Length of a row of W+."""
    feature_resolution: int = 16
    """Side of f in pixels."""
    feature_channels: int = 512
    """Number of channels of f."""
    widths: Sequence[int] = (64, 128, 256, 512)
    """Number of channels of each stage of the trunk."""
    depths: Sequence[int] = (3, 4, 14, 3)
    """Number of units of each stage of the trunk."""
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, images: Array, train: bool = False) -> tuple[tuple[Array, Array], dict[str, Array]]:
        """Encodes images.

        Args:
          images: [B, R, R, 3] in [-1, 1]; R / 8 must be a multiple of `feature_resolution`.
          train: whether batch normalisation uses and updates the statistics of the batch.

        Returns:
          (offsets, f) and the features of the trunk. The offsets from the generator's mean w are
          [B, num_ws, w_dim], f is [B, F, F, feature_channels] with F = `feature_resolution`, both float32.

        Raises:
          ValueError: the input size does not give f its resolution.
        """
        stage3 = images.shape[1] // 8
        if stage3 % self.feature_resolution:
            raise ValueError(
                f"an input of {images.shape[1]} px has a third stage of {stage3} px, "
                f"which no stride brings to feature_resolution={self.feature_resolution}"
            )
        _, features = IResNet(self.widths, self.depths, self.dtype, name="trunk")(images, train)
        stride = stage3 // self.feature_resolution
        f = ContentBranch(self.feature_channels, stride, self.dtype, name="content")(features["stage3"], train)
        pooled = [adaptive_average_pool(features[f"stage{i}"].astype(jnp.float32), 3) for i in range(1, 5)]
        # Channel-major, as the public checkpoints flatten [C, 3, 3].
        code = jnp.concatenate(pooled, -1).transpose(0, 3, 1, 2).reshape(images.shape[0], -1)
        offsets = nn.Dense(self.num_ws * self.w_dim, name="styles")(code)
        return (offsets.reshape(-1, self.num_ws, self.w_dim), f.astype(jnp.float32)), features
