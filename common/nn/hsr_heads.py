"""HSR's heads, which predict a pretrained network's features from the generator's features (Sec. 4.2.2, thesis).

They are needed in training only and have the generator's learning rate.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from common.nn.stylegan2 import Generator
from common.nn.stylegan2_layers import EqualizedConv, leaky_relu, relu
from common.ops.pool import adaptive_average_pool

BLOCKS = (8, 16, 32, 64)
"""Resolutions of the generator's blocks that are supervised: r/32 to r/4 for images of r = 256 px (Sec. 4.2.3)."""

Activation = Literal["leaky_relu", "relu"]
ACTIVATIONS: dict[Activation, Callable[[Array], Array]] = {"leaky_relu": leaky_relu, "relu": relu}


class Head(nn.Module):
    """The head q of one level: 1x1 convolution, activation, 1x1 convolution, with equalised learning rate."""

    features: int
    """Number of channels of the prediction."""
    hidden: int = 4096
    """Number of channels between the two convolutions."""
    activation: Activation = "leaky_relu"

    def setup(self):
        self.conv1 = EqualizedConv(self.hidden, 1, activation=ACTIVATIONS[self.activation])
        self.conv2 = EqualizedConv(self.features, 1, activation=None)

    def __call__(self, x: Array, size: int) -> tuple[Array, Array]:
        """[B, R, R, C] -> the prediction [B, size, size, features], and [B, R, R, features], the same before resizing.

        Averaging pixels and a linear layer that sees single pixels commute, so the prediction is computed from the
        resized hidden features: at 64 px that saves 20 of 21 products of the wider convolution. Gradients of 2 images
        of 64 px, 128 > 4096 > 768 channels, to 14 px on 2 cores: 0.9 s, against 2.6 s when resized last.
        """
        hidden = self.conv1(x)
        return self.conv2(adaptive_average_pool(hidden, size)), self.conv2(hidden)


class Heads(nn.Module):
    """One head per supervised block of the generator."""

    features: Sequence[int]
    """Number of channels of each target, in the order of `blocks`; 768 each for ViT-B."""
    blocks: Sequence[int] = BLOCKS
    """Resolutions of the supervised blocks, pixels."""
    hidden: int = 4096
    """Number of channels between the two convolutions of a head."""
    activation: Activation = "leaky_relu"
    """Activation of the heads, times sqrt(2): 'leaky_relu' in the thesis (Sec. 4.3.1), 'relu' in the public code."""

    @nn.compact
    def __call__(self, features: Mapping[str, Array], sizes: Sequence[int]) -> tuple[list[Array], dict[str, Array]]:
        """Predicts the targets of all blocks.

        Args:
          features: features of the generator; 'b{r}.conv1' [B, r, r, C] are read for the blocks r.
          sizes: side of each target, in the order of `blocks`; 14 each for ViT-B/16 at 224 px.

        Returns:
          Per block, the prediction [B, size, size, features], resized by averaging over size x size bins; and 'b{r}'
          [B, r, r, features], the predictions before resizing.
        """
        predictions, before = [], {}
        for block, width, size in zip(self.blocks, self.features, sizes, strict=True):
            head = Head(width, self.hidden, self.activation, name=f"b{block}")
            prediction, before[f"b{block}"] = head(features[f"b{block}.conv1"].astype(jnp.float32), size)
            predictions.append(prediction)
        return predictions, before


class GeneratorWithHeads(nn.Module):
    """A generator with its heads, which HSR's public snapshots hold in one state dict."""

    generator: Generator
    heads: Heads

    def __call__(self, z: Array, c: Array | None = None) -> tuple[Array, dict[str, Array]]:
        """The generator's image and features for z [B, z_dim], with 'b{r}.prediction' [B, r, r, features] per block."""
        image, features = self.generator(z, c)
        _, before = self.heads(features, self.heads.blocks)
        return image, features | {f"{block}.prediction": x for block, x in before.items()}
