"""The vision transformers of DINO, DeiT and DINOv2: ViT-S/16, ViT-B/16, ViT-S/14 without registers.

The default is ViT-S/16. DINOv2 scales its branches (`layer_scale`), DeiT has a classifier (`num_outputs`).
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.ops.resize import resize_bicubic

MLP_RATIO = 4
"""Ratio of the hidden channels of an MLP to its inputs."""
HEAD_DIM = 64
"""Channels of an attention head in all of these networks: 6 heads of 384 channels, 12 of 768."""


def resize_positions(positions: Array, size: tuple[int, int], *, dino: bool = False) -> Array:
    """Positional embeddings for another grid of patches, resized bicubically; the class token keeps its own.

    Args:
      positions: [1, 1 + G * G, D], class token first, then the square grid row by row.
      size: rows and columns of the new grid.
      dino: whether to interpolate as DINO and DINOv2 do, with the scale (size + 0.1) / G instead of size / G, which
        moves every value slightly. The weights were trained without interpolation, so neither is more correct.

    Returns:
      [1, 1 + rows * columns, D]; the argument itself if the grid already has this size.
    """
    side = math.isqrt(positions.shape[1] - 1)
    if side * side != positions.shape[1] - 1:
        raise ValueError(f"{positions.shape[1]} positions are not a class token and a square grid")
    rows, columns = size
    if rows == columns == side:
        return positions
    grid = positions[:, 1:].reshape(1, side, side, -1)
    scale = ((rows + 0.1) / side, (columns + 0.1) / side) if dino else None
    resized = resize_bicubic(grid, size, scale=scale)
    return jnp.concatenate([positions[:, :1], resized.reshape(1, rows * columns, -1)], axis=1)


class PatchEmbedding(nn.Module):
    """A linear map of patches that do not overlap: a convolution whose stride is its size, as a matrix product."""

    features: int
    patch: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """[B, H, W, C] -> [B, H // patch, W // patch, features]; a margin narrower than a patch is cut off."""
        size, channels = self.patch, images.shape[-1]
        rows, columns = images.shape[1] // size, images.shape[2] // size
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (size, size, channels, self.features))
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        patches = images[:, : rows * size, : columns * size].astype(self.dtype)
        patches = patches.reshape(images.shape[0], rows, size, columns, size, channels)
        y = jnp.einsum("bhiwjc,ijcd->bhwd", patches, kernel.astype(self.dtype))
        return y + bias.astype(self.dtype)[None, None, None]


class Attention(nn.Module):
    """Multi-head self-attention: softmax(q k^T / sqrt(d)) v."""

    heads: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """[B, N, D] -> [B, N, D] and the attention of the class token [B, heads, N], float32."""
        batch, tokens, width = x.shape
        qkv = nn.Dense(3 * width, dtype=self.dtype, name="qkv")(x)
        q, k, v = jnp.moveaxis(qkv.reshape(batch, tokens, 3, self.heads, width // self.heads), 2, 0)
        logits = jnp.einsum("bnhd,bmhd->bhnm", q, k).astype(jnp.float32) / math.sqrt(width // self.heads)
        weights = jax.nn.softmax(logits, axis=-1)
        y = jnp.einsum("bhnm,bmhd->bnhd", weights.astype(self.dtype), v).reshape(batch, tokens, width)
        return nn.Dense(width, dtype=self.dtype, name="proj")(y), weights[:, :, 0]


class Mlp(nn.Module):
    """Linear, exact GELU, linear: [B, N, D] -> [B, N, D]."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        width = x.shape[-1]
        x = nn.gelu(nn.Dense(MLP_RATIO * width, dtype=self.dtype, name="fc1")(x), approximate=False)
        return nn.Dense(width, dtype=self.dtype, name="fc2")(x)


class LayerScale(nn.Module):
    """One learned factor per channel, `gamma` [D], small at the start: [B, N, D] -> [B, N, D]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        gamma = self.param("gamma", nn.initializers.constant(1e-5), x.shape[-1:])
        return x * gamma.astype(x.dtype)[None, None]


class Block(nn.Module):
    """x <- x + attention(LN(x)), x <- x + mlp(LN(x)); with `layer_scale` each branch times a factor per channel."""

    heads: int
    layer_scale: bool = False
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """[B, N, D] -> [B, N, D] and the attention of the class token [B, heads, N]."""
        y, attention = Attention(self.heads, self.dtype, name="attn")(layer_norm("norm1", self.dtype)(x))
        x = x + (LayerScale(name="ls1")(y) if self.layer_scale else y)
        y = Mlp(self.dtype, name="mlp")(layer_norm("norm2", self.dtype)(x))
        return x + (LayerScale(name="ls2")(y) if self.layer_scale else y), attention


def layer_norm(name: str, dtype: DTypeLike = jnp.float32) -> nn.LayerNorm:
    """Layer normalisation with eps 1e-6; the variance in two passes, since tokens may have a large mean."""
    return nn.LayerNorm(epsilon=1e-6, dtype=dtype, use_fast_variance=False, name=name)


class ViT(nn.Module):
    """Patch embedding, class token, positional embedding, blocks, LayerNorm."""

    patch: int = 16
    """Side of a patch in pixels."""
    width: int = 384
    """Length D of a token."""
    depth: int = 12
    """Number of blocks."""
    heads: int = 6
    """Number of attention heads of a block."""
    grid: int = 14
    """Side of the square grid of patches for which positions are stored; they are interpolated for other grids."""
    layer_scale: bool = False
    """Whether the branches of a block have a factor per channel."""
    num_outputs: int | None = None
    """Number of outputs of a linear layer on the class token, 1000 in DeiT; there is no such layer when absent."""
    dino_positions: bool = False
    """Whether positions are interpolated with DINO's scale, see `resize_positions`."""
    dtype: DTypeLike = jnp.float32
    """Type of tokens and products; attention weights, normalisation statistics and the output are float32."""

    @nn.compact
    def __call__(self, images: Array) -> tuple[Array, dict[str, Array]]:
        """Runs the network.

        Args:
          images: [B, H, W, 3], float32, normalised as in the training of the weights.

        Returns:
          The class token after the final LayerNorm [B, D], or the outputs [B, num_outputs], float32; and the features

          * 'tokens' (the input of block 1) and 'block1' to 'block{depth}', [B, 1 + h * w, D]: the class token, then
            h = H // patch rows of w = W // patch patches;
          * 'block{i}.norm', the same after the final LayerNorm, as DINO's `get_intermediate_layers` returns them;
          * 'attention' [B, heads, 1 + h * w], the attention of the class token in the last block.

        Raises:
          ValueError: the image is smaller than a patch.
        """
        if min(images.shape[1:3]) < self.patch:
            raise ValueError(f"an image of {images.shape[1]} x {images.shape[2]} px has no patch of {self.patch} px")
        x = PatchEmbedding(self.width, self.patch, self.dtype, name="patch_embed")(images)
        batch, *size, _ = x.shape
        token = nn.initializers.normal(0.02)
        cls_token = self.param("cls_token", token, (1, 1, self.width)).astype(self.dtype)
        positions = self.param("pos_embed", token, (1, 1 + self.grid**2, self.width))
        x = jnp.concatenate([jnp.repeat(cls_token, batch, axis=0), x.reshape(batch, -1, self.width)], axis=1)
        x = x + resize_positions(positions, tuple(size), dino=self.dino_positions).astype(self.dtype)
        features, norm = {"tokens": x}, layer_norm("norm", self.dtype)
        for i in range(1, self.depth + 1):
            x, features["attention"] = Block(self.heads, self.layer_scale, self.dtype, name=f"block{i}")(x)
            features |= {f"block{i}": x, f"block{i}.norm": norm(x)}
        x = features[f"block{self.depth}.norm"][:, 0].astype(jnp.float32)
        if self.num_outputs is not None:
            x = nn.Dense(self.num_outputs, name="head")(x)
        return x, features


def patch_map(tokens: Array, size: tuple[int, int]) -> Array:
    """The patches of tokens [B, 1 + h * w, D] as a feature map [B, h, w, D]; `size` is (h, w)."""
    return tokens[:, 1:].reshape(tokens.shape[0], *size, tokens.shape[-1])
