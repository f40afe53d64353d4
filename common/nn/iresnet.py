"""The residual network of ArcFace ("iresnet"): full-resolution stem, pre-normalised units, no max pooling.

`IResNet` is the trunk; `ArcFace` adds the embedding of an aligned face.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.layers import Conv, PReLU, batch_norm


class Unit(nn.Module):
    """BN, conv3x3, BN, PReLU, conv3x3 with the stride, BN; plus the identity or a 1x1 convolution with BN."""

    width: int
    stride: int = 1
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """[B, H, W, C] -> [B, H / stride, W / stride, width]."""
        shortcut = x
        if self.stride != 1 or x.shape[-1] != self.width:
            shortcut = Conv(self.width, 1, self.stride, dtype=self.dtype, name="downsample_conv")(x)
            shortcut = batch_norm(train, "downsample_bn", self.dtype)(shortcut)
        x = batch_norm(train, "bn1", self.dtype)(x)
        x = Conv(self.width, dtype=self.dtype, name="conv1")(x)
        x = batch_norm(train, "bn2", self.dtype)(x)
        x = PReLU(name="prelu")(x)
        x = Conv(self.width, stride=self.stride, dtype=self.dtype, name="conv2")(x)
        return shortcut + batch_norm(train, "bn3", self.dtype)(x)


class IResNet(nn.Module):
    """Stem and four stages, each halving the resolution. The default is iresnet-50."""

    widths: Sequence[int] = (64, 128, 256, 512)
    """Number of channels of each stage; the stem has the first of them."""
    depths: Sequence[int] = (3, 4, 14, 3)
    """Number of units of each stage."""
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, images: Array, train: bool = False) -> tuple[Array, dict[str, Array]]:
        """Runs the trunk.

        Args:
          images: [B, R, R, 3], float32 in [-1, 1].
          train: whether batch normalisation uses (and updates) the statistics of the batch.

        Returns:
          The last stage's output [B, R/16, R/16, widths[3]] and features `stem`, `stage1` to `stage4`.
        """
        x = Conv(self.widths[0], dtype=self.dtype, name="stem_conv")(images)
        x = PReLU(name="stem_prelu")(batch_norm(train, "stem_bn", self.dtype)(x))
        features = {"stem": x}
        for stage, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True), start=1):
            for unit in range(depth):
                stride = 2 if unit == 0 else 1
                x = Unit(width, stride, self.dtype, name=f"stage{stage}_unit{unit}")(x, train)
            features[f"stage{stage}"] = x
        return x, features


class ArcFace(nn.Module):
    """A trunk and its embedding: BN, dropout, a linear layer over all positions, BN (Deng et al. 2019, "option E").

    Dropout is left out, since the network is only used for identities and not trained here.
    """

    features: int = 512
    """Length of the embedding."""
    widths: Sequence[int] = (64, 128, 256, 512)
    depths: Sequence[int] = (3, 4, 14, 3)
    image_size: int = 112
    """Side of the images in pixels, which is fixed because the linear layer reads all positions."""
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, images: Array, train: bool = False) -> tuple[Array, dict[str, Array]]:
        """Embeds aligned faces.

        Args:
          images: [B, image_size, image_size, 3], float32 in [-1, 1].
          train: whether batch normalisation uses (and updates) the statistics of the batch.

        Returns:
          The embedding [B, features], float32, whose direction is the identity and whose length is not normalised; and
          the features of the trunk.

        Raises:
          ValueError: images of another size.
        """
        if images.shape[1:3] != (self.image_size, self.image_size):
            raise ValueError(f"images must be {self.image_size} x {self.image_size} px, not {images.shape}")
        x, features = IResNet(self.widths, self.depths, self.dtype, name="trunk")(images, train)
        x = batch_norm(train, "bn", self.dtype)(x)
        # Channel-major, as the public checkpoints flatten [C, R / 16, R / 16].
        code = x.astype(jnp.float32).transpose(0, 3, 1, 2).reshape(images.shape[0], -1)
        return batch_norm(train, "embedding_bn")(nn.Dense(self.features, name="fc")(code)), features
