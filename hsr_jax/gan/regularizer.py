"""The hierarchical semantic regularizer: generator features predict those of a pretrained network (Sec. 4.2.2, thesis).

Levels run from the most to the least semantic: generator blocks from the coarsest, extractor layers from the deepest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from common.nn.stylegan2_layers import EqualizedConv, leaky_relu, relu
from common.ops.pool import adaptive_average_pool

BLOCKS = (8, 16, 32, 64)
"""Resolutions of the generator's blocks that are supervised, for images of 256 px r/32 to r/4 (Sec. 4.2.3)."""

Levels = Literal["all", "high", "mid", "low"]
LEVELS: dict[Levels, slice] = {"all": slice(0, 4), "high": slice(0, 2), "mid": slice(1, 3), "low": slice(2, 4)}
"""Which of four levels are supervised; Table 4.2, thesis."""

Activation = Literal["leaky_relu", "relu"]
ACTIVATIONS: dict[Activation, Callable[[Array], Array]] = {"leaky_relu": leaky_relu, "relu": relu}


def pair(blocks: Sequence[int], layers: Sequence[str], levels: Levels = "all") -> list[tuple[int, str]]:
    """The supervised generator blocks, coarsest first, each with its layer of the extractor, deepest first.

    >>> pair(BLOCKS, ["block12", "block9", "block6", "block3"], "mid")
    [(16, 'block9'), (32, 'block6')]

    Raises:
      ValueError: `blocks` and `layers` are not four each, or the blocks do not grow.
    """
    if len(blocks) != 4 or len(layers) != 4 or list(blocks) != sorted(set(blocks)):
        raise ValueError(f"four growing blocks and four layers are paired, not {list(blocks)} and {list(layers)}")
    return list(zip(blocks, layers, strict=True))[LEVELS[levels]]


class Head(nn.Module):
    """The predictor q of one level: 1x1 convolution, activation, 1x1 convolution, with equalised learning rate."""

    features: int
    hidden: int = 4096
    activation: Activation = "leaky_relu"

    def setup(self):
        self.conv1 = EqualizedConv(self.hidden, 1, activation=ACTIVATIONS[self.activation])
        self.conv2 = EqualizedConv(self.features, 1, activation=None)

    def __call__(self, x: Array, size: int) -> tuple[Array, Array]:
        """[B, R, R, C] -> the prediction [B, size, size, features], and as it is before resizing, [B, R, R, features].

        Averaging pixels and a linear layer that sees single pixels commute, so the prediction is computed from the
        resized hidden features: at 64 px that saves 20 of 21 products of the wider convolution. Gradients of 2 images
        of 64 px, 128 > 4096 > 768 channels, to 14 px on 2 cores: 0.9 s, against 2.6 s when resized last.
        """
        hidden = self.conv1(x)
        return self.conv2(adaptive_average_pool(hidden, size)), self.conv2(hidden)


class Heads(nn.Module):
    """A predictor for every supervised block. They serve training only, with the generator's learning rate."""

    features: Sequence[int]
    """Channels of the targets, in the order of `blocks`; 768 each for ViT-B."""
    blocks: Sequence[int] = BLOCKS
    hidden: int = 4096
    activation: Activation = "leaky_relu"
    """'leaky_relu' is the document's (Sec. 4.3.1), 'relu' the public code's; both times sqrt(2)."""

    @nn.compact
    def __call__(self, features: Mapping[str, Array], sizes: Sequence[int]) -> tuple[list[Array], dict[str, Array]]:
        """Predicts.

        Args:
          features: the generator's, of which 'b{r}.conv1' [B, r, r, C] are read for the blocks r.
          sizes: sides of the targets, in the order of `blocks`; 14 each for ViT-B/16 at 224 px.

        Returns:
          Predictions [B, size, size, features] a block, resized by averaging over a grid of that many bins; and the
          same before resizing, 'b{r}' [B, r, r, features].
        """
        predictions, before = [], {}
        for block, width, size in zip(self.blocks, self.features, sizes, strict=True):
            head = Head(width, self.hidden, self.activation, name=f"b{block}")
            prediction, before[f"b{block}"] = head(features[f"b{block}.conv1"].astype(jnp.float32), size)
            predictions.append(prediction)
        return predictions, before


def squared_error(prediction: Array, target: Array) -> Array:
    """Mean squared error; [B, H, W, C] twice -> [B]. Eq. (4.2), thesis, up to the constant H W C."""
    chex.assert_equal_shape([prediction, target])
    # 1 / HWC * ||q(G(z)) - F(G(z))||^2
    return jnp.square(prediction - target).mean((1, 2, 3))


def cosine_error(prediction: Array, target: Array) -> Array:
    """Squared distance of the unit vectors at every position, averaged; [B, H, W, C] twice -> [B], 0 to 4.

    An alternative of the public code, BYOL's loss; the document's is `squared_error`.
    """
    chex.assert_equal_shape([prediction, target])
    # 1 / HW * sum_xy ||q / |q| - f / |f| ||^2 = 1 / HW * sum_xy (2 - 2 cos(q, f))
    norms = jnp.square(prediction).sum(-1) * jnp.square(target).sum(-1)
    return (2 - 2 * (prediction * target).sum(-1) * jax.lax.rsqrt(norms + 1e-12)).mean((1, 2))


def hsr_loss(
    predictions: Sequence[Array],
    targets: Sequence[Array],
    distance: Callable[[Array, Array], Array] = squared_error,
    target_gradient: bool = False,
) -> Array:
    """The regularizer by level; it joins the generator's main loss with weight 1. Second term of Eq. (4.2), thesis.

    Args:
      predictions: [B, H, W, C] a level, of `Heads`.
      targets: the same shapes, features of the generated image (not augmented) in the pretrained network.
      distance: of a prediction and a target, [B]; `squared_error` is the document's.
      target_gradient: whether the image learns from its features, too. The extractor's parameters never do here: the
        caller does not differentiate by them.

    Returns:
      [B, levels]; the loss of an image is the sum over levels.
    """
    chex.assert_equal(len(predictions), len(targets))
    if not target_gradient:
        targets = [jax.lax.stop_gradient(target) for target in targets]
    # sum_i ||q_i(G_i(z)) - F_i(G(z))||^2
    return jnp.stack([distance(q, f) for q, f in zip(predictions, targets, strict=True)], axis=1)
