"""FASE's model: an encoder, and a generator with interleaved transfer layers (ITLs) that makes heatmaps (Fig. 1)."""

import dataclasses
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.feature_style import FeatureStyleEncoder
from common.nn.stylegan2 import SynthesisNetwork, num_ws
from fase_jax.transfer import Init, Placement, TransferLayer, conv_at, transfer_places


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes of encoder, generator and transfer layers; the defaults are the paper's."""

    image_size: int = 256
    """Side of the input images in pixels."""
    heatmap_size: int = 128
    """Side of the heatmaps in pixels; a power of two above `feature_resolution`."""
    generator_resolution: int = 256
    """Side of the generator's images in pixels; gives the number of rows of W+ (14 for 256, 18 for 1024)."""
    feature_resolution: int = 16
    """Side in pixels of the encoder's feature code f, which replaces the generator's layers up to this resolution."""
    channel_base: int = 16384
    """Channels of the generator at resolution r are min(channel_base / r, channel_max)."""
    channel_max: int = 512
    """Largest number of channels per layer of the generator, see `channel_base`."""
    w_dim: int = 512
    """Length of a latent w."""
    encoder_widths: tuple[int, ...] = (64, 128, 256, 512)
    """Number of channels per stage of the encoder."""
    encoder_depths: tuple[int, ...] = (3, 4, 14, 3)
    """Number of blocks per stage of the encoder."""
    num_itls: int = 5
    """Number of ITLs. In Table 7 one is worst, two to six are close, and 50 labels need at least three."""
    placement: Placement = "layer"
    """`layer`: an ITL may follow every generator layer; `block`: only the second of the two layers per resolution."""
    itl_init: Init = "dirac"
    """Initial kernel of all ITLs but the last: the identity, or small random numbers."""


class FASE(nn.Module):
    """Landmark heatmaps of face images, through the latent space of StyleGAN2.

    Parameters: `encoder`, `synthesis` (the generator), and `itl{i}` after generator layer i. The collection `stats`
    holds the generator's mean w and its noise maps.
    """

    num_landmarks: int
    """Number of heatmaps."""
    sizes: ModelConfig = ModelConfig()
    """Sizes of all parts."""
    dtype: DTypeLike = jnp.float32
    """Type of the convolutions; parameters, latents and heatmaps are float32."""

    def setup(self):
        s = self.sizes
        self.places: Sequence[int] = transfer_places(s.feature_resolution, s.heatmap_size, s.num_itls, s.placement)
        self.encoder = FeatureStyleEncoder(
            num_ws(s.generator_resolution),
            s.w_dim,
            s.feature_resolution,
            min(s.channel_base // s.feature_resolution, s.channel_max),
            s.encoder_widths,
            s.encoder_depths,
            self.dtype,
        )
        self.synthesis = SynthesisNetwork(
            s.generator_resolution, s.w_dim, 3, s.channel_base, s.channel_max, dtype=self.dtype
        )
        for i in self.places:
            last = i == self.places[-1]
            layer = TransferLayer(self.num_landmarks if last else None, s.itl_init, self.dtype)
            setattr(self, f"itl{i}", layer)
        self.w_avg = self.variable("stats", "w_avg", jnp.zeros, (s.w_dim,))

    def encode(self, images: Array, train: bool = False) -> tuple[Array, Array]:
        """Encodes images [B, R, R, 3] as latents in W+ [B, num_ws, w_dim] and feature codes f [B, F, F, C]."""
        (offsets, f), _ = self.encoder(images, train)
        return self.w_avg.value[None, None] + offsets, f

    def heatmaps(self, ws: Array, f: Array) -> Array:
        """Heatmaps float32 [B, H, H, K], H = `heatmap_size`: f passes through the generator's later layers and ITLs."""
        x = f
        for i in range(self._first_conv, self.places[-1] + 1):
            x = self.synthesis.conv(i, x, ws[:, i], noise_mode="none")
            if i in self.places:
                x = getattr(self, f"itl{i}")(x)
        return x.astype(jnp.float32)

    def reconstruct(self, ws: Array, f: Array) -> Array:
        """Images [B, R, R, 3] that the generator makes from the codes without ITLs (Fig. 2, FASE)."""
        image, _ = self.synthesis(ws, feature=f, feature_index=self._first_conv, noise_mode="none")
        return image

    @property
    def _first_conv(self) -> int:
        """Index of the generator layer whose input is f."""
        return conv_at(2 * self.sizes.feature_resolution, second=False)

    def __call__(self, images: Array, train: bool = False) -> tuple[Array, dict[str, Array]]:
        """Predicts heatmaps.

        Args:
          images: [B, image_size, image_size, 3], float32 in [-1, 1].
          train: whether the encoder's batch normalisation uses, and updates, the statistics of the batch.

        Returns:
          Heatmaps [B, heatmap_size, heatmap_size, num_landmarks], and the features `ws`, `f` and `reconstruction`.
          Under `jit` the reconstruction costs nothing unless it is used.
        """
        ws, f = self.encode(images, train)
        return self.heatmaps(ws, f), {"ws": ws, "f": f, "reconstruction": self.reconstruct(ws, f)}
