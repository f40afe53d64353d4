"""The StyleGAN2 discriminator (Karras et al. 2020), with the variants of StyleGAN2-ADA."""

import math
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.stylegan2 import channels, num_convs
from common.nn.stylegan2_layers import Dense, EqualizedConv, leaky_relu, normalize_second_moment

Architecture = Literal["resnet", "orig"]


def minibatch_std(x: Array, group_size: int | None = 4, num_channels: int = 1, sub_batch: int | None = None) -> Array:
    """Standard deviation within groups of images, one number per image and channel group (Karras et al. 2018, Sec. 3).

    A batch of n images has groups of G = min(group_size, n); image i is in group i mod (n / G), as in StyleGAN2-ADA.

    Args:
      x: [B, H, W, C], the whole batch, whatever its sharding: a group may lie on several devices.
      group_size: number of images G of a group; the whole batch when absent.
      num_channels: number of channel groups, each of C / num_channels consecutive channels.
      sub_batch: number n of consecutive images within which groups form, in StyleGAN2-ADA the batch of one device; the
        whole batch when absent. Devices need not exchange features if each holds a multiple of n images. For images in
        random order it only changes which of them form a group.

    Returns:
      [B, num_channels], of the dtype of `x`.

    Raises:
      ValueError: the batch, the sub-batch or the channels do not split evenly.
    """
    batch, height, width, width_c = x.shape
    n = sub_batch or batch
    group = min(group_size or n, n)
    for parts, whole, what in ((n, batch, "batch"), (group, n, "(sub-)batch"), (num_channels, width_c, "channels")):
        if whole % parts:
            raise ValueError(f"the {what} of {whole} cannot be split by {parts}")
    # [sub-batch, member, group, H, W, channel group, channel]
    y = x.reshape(batch // n, group, n // group, height, width, num_channels, width_c // num_channels)
    # s_gf = mean_{y,x,c} sqrt(var_members + 1e-8), with the biased variance
    std = jnp.sqrt(jnp.square(y - y.mean(1, keepdims=True)).mean(1) + 1e-8).mean((2, 3, 5))
    return jnp.broadcast_to(std[:, None], (batch // n, group, n // group, num_channels)).reshape(batch, num_channels)


class LabelMapping(nn.Module):
    """Label [B, c_dim] -> vector [B, features] onto which the features of the image are projected."""

    features: int
    num_layers: int = 8

    @nn.compact
    def __call__(self, c: Array) -> Array:
        x = normalize_second_moment(Dense(self.features, name="embed")(c.astype(jnp.float32)))
        for i in range(self.num_layers):
            x = leaky_relu(Dense(self.features, multiplier=0.01, name=f"fc{i}")(x))
        return x


class Block(nn.Module):
    """Two 3x3 convolutions, the second of which halves the resolution; a 'resnet' adds a 1x1 shortcut."""

    features: int
    features_out: int
    architecture: Architecture = "resnet"
    from_rgb: bool = False
    """Whether the input is an image, which a 1x1 convolution first turns into features."""
    clamp: float | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, R, R, C] -> [B, R / 2, R / 2, features_out]."""
        if self.from_rgb:
            x = EqualizedConv(self.features, 1, clamp=self.clamp, name="fromrgb")(x)
        y = EqualizedConv(self.features, clamp=self.clamp, name="conv0")(x)
        if self.architecture == "orig":
            return EqualizedConv(self.features_out, down=True, clamp=self.clamp, name="conv1")(y)
        # The sum of two signals of unit variance, each times sqrt(1/2), has unit variance.
        half = math.sqrt(0.5)
        y = EqualizedConv(self.features_out, down=True, gain=half, clamp=self.clamp, name="conv1")(y)
        skip = EqualizedConv(self.features_out, 1, True, use_bias=False, activation=None, gain=half, name="skip")(x)
        return skip + y


class Head(nn.Module):
    """The 4 px block: minibatch deviation, 3x3 convolution, two dense layers; [B, 4, 4, C] -> [B, outputs]."""

    outputs: int
    mbstd_group: int | None
    mbstd_channels: int
    mbstd_batch: int | None
    clamp: float | None

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """The outputs and the minibatch deviation [B, mbstd_channels]."""
        width = x.shape[-1]
        std = minibatch_std(x, self.mbstd_group, self.mbstd_channels, self.mbstd_batch)
        maps = jnp.broadcast_to(std[:, None, None], (*x.shape[:3], self.mbstd_channels))
        x = EqualizedConv(width, clamp=self.clamp, name="conv")(jnp.concatenate([x, maps], axis=-1))
        x = leaky_relu(Dense(width, name="fc")(x.reshape(len(x), -1)))
        return Dense(self.outputs, name="out")(x), std


class Discriminator(nn.Module):
    """Image (and label) -> logit, positive for images that look real.

    Milliseconds of the logits / the gradient / the gradient of R1 on 2 cores, 16 images of 64 px, channel_base 2048,
    channel_max 64: 46 / 208 / 470; with XLA's gradients of the convolutions 41 / 233 / 1820, and with depthwise
    convolutions as low-passes 296 / 917 / 3352.
    """

    resolution: int
    c_dim: int = 0
    """Length of the label vector; 0 for an unconditional network."""
    num_layers: int = 8
    """Number of layers of the label's mapping network."""
    img_channels: int = 3
    architecture: Architecture = "resnet"
    """'orig' has no skip path; StyleGAN2-ADA's CIFAR-10 configuration uses it."""
    channel_base: int = 16384
    channel_max: int = 512
    mbstd_group: int | None = 4
    mbstd_channels: int = 1
    mbstd_batch: int | None = None
    """The `sub_batch` of `minibatch_std`; the batch of one GPU in StyleGAN2-ADA."""
    dtype: DTypeLike = jnp.float32
    """Type of the convolutions at the `low_precision_resolutions`; other layers and the logits are float32."""
    low_precision_resolutions: int = 4
    """Number of resolutions that compute in `dtype`, counted from the highest down to 8 px; 4 in StyleGAN2-ADA."""
    conv_clamp: float | None = None
    """Limit of the activations, which float16 needs; StyleGAN2-ADA has 256 with float16 and no limit otherwise."""

    @property
    def resolutions(self) -> list[int]:
        """Resolutions of the blocks: the image's, half of it, ... down to 8. The 4 px block is the head."""
        return [self.resolution >> i for i in range((num_convs(self.resolution) - 1) // 2)]

    @nn.compact
    def __call__(self, images: Array, c: Array | None = None) -> tuple[Array, dict[str, Array]]:
        """Scores images.

        Args:
          images: [B, R, R, img_channels], float32 in [-1, 1]; the whole batch, see `minibatch_std`.
          c: [B, c_dim], for example one-hot labels; needed if c_dim > 0.

        Returns:
          Logits [B], float32; features by block: 'b{r}' [B, r/2, r/2, C], float32 or `dtype`, and 'mbstd'
          [B, mbstd_channels].
        """
        shape = (self.resolution, self.resolution, self.img_channels)
        if images.shape[1:] != shape or self.resolution < 8:
            raise ValueError(f"images {images.shape} must be [B, {', '.join(map(str, shape))}], at least of 8 px")
        if self.c_dim and c is None:
            raise ValueError(f"a discriminator with c_dim {self.c_dim} needs c")
        x, features = images, {}
        for i, r in enumerate(self.resolutions):
            c_in, c_out = (channels(size, self.channel_base, self.channel_max) for size in (r, r // 2))
            x = x.astype(self.dtype if i < self.low_precision_resolutions else jnp.float32)
            block = Block(c_in, c_out, self.architecture, from_rgb=i == 0, clamp=self.conv_clamp, name=f"b{r}")
            x = features[f"b{r}"] = block(x)
        outputs = x.shape[-1] if self.c_dim else 1
        head = Head(outputs, self.mbstd_group, self.mbstd_channels, self.mbstd_batch, self.conv_clamp, name="b4")
        y, features["mbstd"] = head(x.astype(jnp.float32))
        if not self.c_dim:
            return y[:, 0], features
        # Projection discriminator (Miyato and Koyama 2018): (y . m(c)) / sqrt(dim)
        label = LabelMapping(outputs, self.num_layers, name="mapping")(c)
        return (y * label).sum(-1) / math.sqrt(outputs), features
