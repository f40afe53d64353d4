"""The StyleGAN2 generator (Karras et al. 2020; the "skip" architecture as in StyleGAN2-ADA).

A generator for R px images has L = 2 log2(R) - 3 main convolutions, numbered from the coarsest: 0 is b4.conv1. Then
there are two per resolution: 1 is b8.conv0, which doubles the resolution, 2 is b8.conv1, and so on. Row i of `ws`
steers convolution i. The RGB layer of a block takes the row after its last convolution, so `ws` has L + 1 rows.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.stylegan2_layers import Dense, StyledConv, ToRGB, leaky_relu, normalize_second_moment
from common.ops.resample import upsample2d

W_AVG_DECAY = 0.995
"""Decay of the running mean of w per batch, as in StyleGAN2-ADA."""


def num_convs(resolution: int) -> int:
    """Number of main convolutions of a generator for `resolution` px, a power of two of at least 4."""
    log2 = resolution.bit_length() - 1
    if resolution < 4 or resolution != 1 << log2:
        raise ValueError(f"resolution {resolution} is not a power of two of at least 4")
    return 2 * log2 - 3


def num_ws(resolution: int) -> int:
    """Number of rows of `ws`: one per main convolution and one for the last RGB layer."""
    return num_convs(resolution) + 1


def conv_name(i: int) -> tuple[int, str]:
    """Resolution of the output and name of main convolution i: 0 -> (4, 'conv1'), 1 -> (8, 'conv0'), ..."""
    return 4 << ((i + 1) // 2), f"conv{(i + 1) % 2}"


def channels(resolution: int, channel_base: int = 16384, channel_max: int = 512) -> int:
    """Number of channels of the features at `resolution` px."""
    return min(channel_base // resolution, channel_max)


class MappingNetwork(nn.Module):
    """Latent z and label c -> rows of ws. The collection 'stats' holds the running mean of w, `w_avg` [w_dim]."""

    z_dim: int = 512
    """Length of z."""
    c_dim: int = 0
    """Length of the label vector, for example the number of classes; 0 for an unconditional network."""
    w_dim: int = 512
    """Length of a row of ws."""
    num_ws: int = 14
    """Number of rows of ws."""
    num_layers: int = 8
    """Number of dense layers."""

    @nn.compact
    def __call__(
        self,
        z: Array,
        c: Array | None = None,
        truncation_psi: float | Array = 1.0,
        truncation_cutoff: int | None = None,
        update_w_avg: bool = False,
    ) -> tuple[Array, dict[str, Array]]:
        """Maps latents.

        Args:
          z: [B, z_dim], standard normal.
          c: [B, c_dim], for example one-hot labels; needed if c_dim > 0.
          truncation_psi: psi in w <- w_avg + psi (w - w_avg); 1 changes nothing.
          truncation_cutoff: number of rows, from the first, that are truncated; all when absent.
          update_w_avg: whether w_avg moves towards the mean of this batch, without a gradient; needs mutable=['stats'].

        Returns:
          ws [B, num_ws, w_dim] and features 'fc0' to 'fc{num_layers - 1}' [B, w_dim]; the last one is w before
          truncation.
        """
        x = normalize_second_moment(z.astype(jnp.float32))
        if self.c_dim:
            if c is None:
                raise ValueError(f"a mapping network with c_dim {self.c_dim} needs c")
            embedded = Dense(self.w_dim, name="embed")(c.astype(jnp.float32))
            x = jnp.concatenate([x, normalize_second_moment(embedded)], axis=-1)
        features = {}
        for i in range(self.num_layers):
            x = features[f"fc{i}"] = leaky_relu(Dense(self.w_dim, multiplier=0.01, name=f"fc{i}")(x))
        w_avg = self.variable("stats", "w_avg", jnp.zeros, (self.w_dim,))
        if update_w_avg and not self.is_initializing():
            mean = jax.lax.stop_gradient(x).mean(0)
            w_avg.value = mean + W_AVG_DECAY * (w_avg.value - mean)
        ws = jnp.repeat(x[:, None], self.num_ws, axis=1)
        return truncate(ws, w_avg.value, truncation_psi, truncation_cutoff), features


def truncate(ws: Array, w_avg: Array, psi: float | Array, cutoff: int | None = None) -> Array:
    """ws [B, N, D] with w_avg + psi (w - w_avg) in the first `cutoff` rows, or in all when absent; `w_avg` is [D]."""
    if isinstance(psi, (int, float)) and psi == 1:
        return ws
    w_avg = w_avg[None, None]
    head, tail = ws[:, :cutoff], ws[:, ws.shape[1] if cutoff is None else cutoff :]
    return jnp.concatenate([w_avg + psi * (head - w_avg), tail], axis=1)


class SynthesisBlock(nn.Module):
    """The layers of one resolution; `SynthesisNetwork` calls them. The 4 px block starts from `const` [4, 4, C]."""

    resolution: int
    features: int
    img_channels: int = 3
    clamp: float | None = None

    def setup(self):
        if self.resolution == 4:
            self.const = self.param("const", nn.initializers.normal(1.0), (4, 4, self.features))
        else:
            self.conv0 = StyledConv(self.features, self.resolution, up=True, clamp=self.clamp)
        self.conv1 = StyledConv(self.features, self.resolution, clamp=self.clamp)
        self.torgb = ToRGB(self.img_channels, clamp=self.clamp)


class SynthesisNetwork(nn.Module):
    """Rows of ws -> image. `conv` runs one layer, for networks that insert layers of their own in between."""

    resolution: int
    w_dim: int = 512
    img_channels: int = 3
    channel_base: int = 16384
    channel_max: int = 512
    dtype: DTypeLike = jnp.float32
    """Type of the convolutions and their features; styles and the image are float32."""
    low_precision_resolutions: int | None = None
    """Number of resolutions that compute in `dtype`, counted from the highest; all when absent, 4 in StyleGAN2-ADA. The
    others compute in float32."""
    conv_clamp: float | None = None
    """Limit of the activations, which float16 needs; StyleGAN2-ADA has 256 with float16 and no limit otherwise."""

    def setup(self):
        for resolution in self.resolutions:
            width = channels(resolution, self.channel_base, self.channel_max)
            setattr(self, f"b{resolution}", SynthesisBlock(resolution, width, self.img_channels, self.conv_clamp))

    @property
    def resolutions(self) -> list[int]:
        """Resolutions of the blocks: 4, 8, ... up to the resolution of the image."""
        return [4 << i for i in range((num_convs(self.resolution) + 3) // 2 - 1)]

    def conv(self, i: int, x: Array, w: Array, noise_mode: str = "const") -> Array:
        """Main convolution i: [B, r, r, C] -> [B, r', r', C']; r' = 2 r where i is odd.

        `w` [B, w_dim] is row i of ws; `noise_mode` as in `__call__`.
        """
        resolution, name = conv_name(i)
        return getattr(getattr(self, f"b{resolution}"), name)(x.astype(self._dtype(resolution)), w, noise_mode)

    def _dtype(self, resolution: int) -> DTypeLike:
        low = self.low_precision_resolutions
        # The 4 px block is always float32, as in StyleGAN2-ADA.
        return self.dtype if low is None or resolution > max(self.resolution >> low, 4) else jnp.float32

    def torgb(self, resolution: int, x: Array, w: Array) -> Array:
        """What the block of r = `resolution` px adds to the image: [B, r, r, C] -> [B, r, r, img_channels], float32."""
        return getattr(self, f"b{resolution}").torgb(x, w)

    def const(self, batch: int) -> Array:
        """Input of convolution 0: [B, 4, 4, C]."""
        const = self.b4.const
        return jnp.broadcast_to(const[None], (batch, *const.shape)).astype(self._dtype(4))

    def __call__(
        self,
        ws: Array,
        feature: Array | None = None,
        feature_index: int = 5,
        blend: float | Array = 1.0,
        noise_mode: str = "const",
    ) -> tuple[Array, dict[str, Array]]:
        """Synthesises images.

        Args:
          ws: [B, num_ws, w_dim], float32.
          feature: [B, r, r, C], takes the place of the input of main convolution `feature_index`.
          blend: weight s of the feature: x <- (1 - s) x + s feature.
          noise_mode: 'const' (stored maps), 'random' (needs the PRNG stream 'noise') or 'none'.

        Returns:
          Image [B, R, R, img_channels], float32, about [-1, 1]; features by layer: 'b{r}.conv0' (from 8 px),
          'b{r}.conv1' [B, r, r, C], and 'b{r}.torgb', 'b{r}.img' [B, r, r, img_channels].
        """
        if ws.shape[1:] != (num_ws(self.resolution), self.w_dim):
            raise ValueError(f"ws {ws.shape} must be [B, {num_ws(self.resolution)}, {self.w_dim}]")
        x, image, features = self.const(ws.shape[0]), None, {}
        for i in range(num_convs(self.resolution)):
            if feature is not None and i == feature_index:
                x = blended(x, feature, blend)
            resolution, name = conv_name(i)
            x = features[f"b{resolution}.{name}"] = self.conv(i, x, ws[:, i], noise_mode)
            if name == "conv1":
                rgb = features[f"b{resolution}.torgb"] = self.torgb(resolution, x, ws[:, i + 1])
                image = rgb if image is None else upsample2d(image) + rgb
                features[f"b{resolution}.img"] = image
        return image, features


def blended(x: Array, feature: Array, blend: float | Array) -> Array:
    """(1 - s) x + s f for x and f [B, H, W, C] and s = `blend`."""
    if x.shape != feature.shape:
        raise ValueError(f"the feature is {feature.shape}, but the layer's input is {x.shape}")
    feature = feature.astype(x.dtype)
    if isinstance(blend, (int, float)) and blend == 1:
        return feature  # exactly, and the layers before it are pruned except for their RGB
    return (1 - jnp.asarray(blend, x.dtype)) * x + jnp.asarray(blend, x.dtype) * feature


class Generator(nn.Module):
    """Latent z -> image: a `MappingNetwork`, then a `SynthesisNetwork`. Their docstrings describe the fields."""

    resolution: int
    z_dim: int = 512
    c_dim: int = 0
    w_dim: int = 512
    num_layers: int = 8
    img_channels: int = 3
    channel_base: int = 16384
    channel_max: int = 512
    dtype: DTypeLike = jnp.float32
    low_precision_resolutions: int | None = None
    conv_clamp: float | None = None

    def setup(self):
        self.mapping = MappingNetwork(self.z_dim, self.c_dim, self.w_dim, num_ws(self.resolution), self.num_layers)
        self.synthesis = SynthesisNetwork(
            self.resolution,
            self.w_dim,
            self.img_channels,
            self.channel_base,
            self.channel_max,
            self.dtype,
            self.low_precision_resolutions,
            self.conv_clamp,
        )

    def __call__(
        self,
        z: Array,
        c: Array | None = None,
        truncation_psi: float | Array = 1.0,
        truncation_cutoff: int | None = None,
        update_w_avg: bool = False,
        noise_mode: str = "const",
    ) -> tuple[Array, dict[str, Array]]:
        """Runs both networks, which describe the arguments.

        Returns:
          Image [B, R, R, img_channels], float32; the features of the synthesis, and 'ws' [B, num_ws, w_dim].
        """
        ws, _ = self.mapping(z, c, truncation_psi, truncation_cutoff, update_w_avg)
        image, features = self.synthesis(ws, noise_mode=noise_mode)
        return image, features | {"ws": ws}
