"""ResNet with bottlenecks in torchvision's layout ("v1.5": the 3x3 convolution has the stride), and hypercolumns."""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.layers import Conv, batch_norm
from common.ops.pool import max_pool

EXPANSION = 4
"""Ratio of the channels of a bottleneck to the channels of its 3x3 convolution."""

STAGES = ("layer4", "layer3", "layer2", "layer1")
"""Stages of a hypercolumn, the deepest first; ContrastLandmark calls them conv5 | conv4 | conv3 | conv2."""


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1, each with BN; plus the identity or a 1x1 convolution with BN; ReLU."""

    width: int
    stride: int = 1
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """[B, H, W, C] -> [B, H / stride, W / stride, 4 width]."""
        shortcut, out = x, EXPANSION * self.width
        if self.stride != 1 or x.shape[-1] != out:
            shortcut = Conv(out, 1, self.stride, dtype=self.dtype, name="downsample_conv")(x)
            shortcut = batch_norm(train, "downsample_bn", self.dtype)(shortcut)
        x = Conv(self.width, 1, dtype=self.dtype, name="conv1")(x)
        x = nn.relu(batch_norm(train, "bn1", self.dtype)(x))
        x = Conv(self.width, 3, self.stride, dtype=self.dtype, name="conv2")(x)
        x = nn.relu(batch_norm(train, "bn2", self.dtype)(x))
        x = Conv(out, 1, dtype=self.dtype, name="conv3")(x)
        return nn.relu(shortcut + batch_norm(train, "bn3", self.dtype)(x))


class ResNet(nn.Module):
    """Stem, four stages at 1/4 to 1/32 of the resolution, global average. The default is ResNet-50 without a head."""

    widths: Sequence[int] = (64, 128, 256, 512)
    """Number of channels of the 3x3 convolutions per stage; a stage's output has four times as many. The stem's output
    has the first of them."""
    depths: Sequence[int] = (3, 4, 6, 3)
    """Number of bottlenecks per stage."""
    num_outputs: int | None = None
    """Number of outputs of a linear layer on the average, such as 1000 classes; there is no such layer when absent."""
    dtype: DTypeLike = jnp.float32
    """Type of the convolutions and their features; the average and the linear layer are float32."""

    @nn.compact
    def __call__(self, images: Array, train: bool = False) -> tuple[Array, dict[str, Array]]:
        """Runs the network.

        Args:
          images: [B, H, W, 3], float32, normalised as in the training of the weights.
          train: whether batch normalisation uses (and updates) the statistics of the batch.

        Returns:
          The linear layer's output [B, num_outputs], or the average [B, 4 widths[3]], float32; and the features 'conv1'
          (before its BN) at 1/2, 'pool' at 1/4, 'layer1' to 'layer4' at 1/4 to 1/32 of the resolution, rounded up, and
          'avgpool', the average.
        """
        x = Conv(self.widths[0], 7, 2, dtype=self.dtype, name="conv1")(images)
        features = {"conv1": x}
        x = features["pool"] = max_pool(nn.relu(batch_norm(train, "bn1", self.dtype)(x)))
        for stage, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True), start=1):
            for unit in range(depth):
                stride = 2 if unit == 0 and stage > 1 else 1
                x = Bottleneck(width, stride, self.dtype, name=f"layer{stage}_unit{unit}")(x, train)
            features[f"layer{stage}"] = x
        x = features["avgpool"] = x.astype(jnp.float32).mean((1, 2))
        if self.num_outputs is not None:
            x = nn.Dense(self.num_outputs, name="fc")(x)
        return x, features
