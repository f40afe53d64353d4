"""The hierarchical semantic regularizer: generator features predict those of a pretrained network (Sec. 4.2.2, thesis).

There are four levels, each a pair of a generator block and an extractor layer. The most semantic level comes first: the
coarsest block with the deepest layer.
"""

from collections.abc import Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
from jax import Array

from common.errors import InputError
from common.nn.hsr_heads import BLOCKS, Heads
from common.nn.stylegan2 import Generator
from common.pretrained.extractor import load_extractor
from hsr_jax.config import GanConfig, Levels

LEVELS: dict[Levels, slice] = {"all": slice(0, 4), "high": slice(0, 2), "mid": slice(1, 3), "low": slice(2, 4)}
"""Which of four levels are supervised; Table 4.2, thesis."""


def pair(blocks: Sequence[int], layers: Sequence[str], levels: Levels = "all") -> list[tuple[int, str]]:
    """Pairs of a supervised generator block and its layer of the extractor: coarsest block and deepest layer first.

    >>> pair(BLOCKS, ["block12", "block9", "block6", "block3"], "mid")
    [(16, 'block9'), (32, 'block6')]

    Raises:
      ValueError: there are not four of each, or the blocks are not in ascending order.
    """
    if len(blocks) != 4 or len(layers) != 4 or list(blocks) != sorted(set(blocks)):
        raise ValueError(f"need four ascending blocks and four layers, not {list(blocks)} and {list(layers)}")
    return list(zip(blocks, layers, strict=True))[LEVELS[levels]]


def squared_error(prediction: Array, target: Array) -> Array:
    """Mean squared error [B] of arrays [B, H, W, C]. Eq. (4.2), thesis, divided by the constant H W C."""
    chex.assert_equal_shape([prediction, target])
    # 1 / HWC * ||q(G(z)) - F(G(z))||^2
    return jnp.square(prediction - target).mean((1, 2, 3))


def hsr_loss(predictions: Sequence[Array], targets: Sequence[Array], target_gradient: bool = False) -> Array:
    """Loss [B, levels] of the regularizer. Second term of Eq. (4.2), thesis.

    The loss of an image is the sum over levels; it is added to the generator's main loss with weight 1.

    Args:
      predictions: outputs of `Heads`, [B, H, W, C] per level.
      targets: features of the generated images (not augmented) in the pretrained network, with the same shapes.
      target_gradient: whether the gradient also flows through the targets into the images. The extractor's parameters
        are never trained: the caller does not differentiate with respect to them.
    """
    chex.assert_equal(len(predictions), len(targets))
    if not target_gradient:
        targets = [jax.lax.stop_gradient(target) for target in targets]
    # sum_i ||q_i(G_i(z)) - F_i(G(z))||^2
    return jnp.stack([squared_error(q, f) for q, f in zip(predictions, targets, strict=True)], axis=1)


class Regularizer:
    """Regularizer of a run: the extractor with its variables, and the heads that predict the extractor's features."""

    def __init__(self, config: GanConfig, generator: Generator):
        self.config = hsr = config.hsr
        self.extractor, self.variables = load_extractor(
            hsr.extractor,
            hsr.image_size,
            final_norm=hsr.final_norm,
            normalization=hsr.normalization,
            seed=config.seed,
            field="hsr.image_size",
        )
        blocks = [block for block, _ in pair(BLOCKS, self.extractor.layers, hsr.levels)]
        sides, widths = (sizes[LEVELS[hsr.levels]] for sizes in self.extractor.shapes(self.variables))
        self.sides = sides
        self.heads = Heads(widths, blocks, hsr.hidden, hsr.activation)
        label = jnp.zeros((1, generator.c_dim)) if generator.c_dim else None
        inputs = jax.random.key(0), jnp.zeros((1, generator.z_dim)), label
        (_, features), _ = jax.eval_shape(generator.init_with_output, *inputs)
        self._features = {f"b{block}.conv1": features[f"b{block}.conv1"] for block in blocks}

    def init(self, key: Array) -> Any:
        """Parameters of untrained heads."""
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), self._features)
        return self.heads.init(key, zeros, self.sides)["params"]

    def loss(self, head_params: Any, variables: Any, features: dict[str, Array], images: Array) -> Array:
        """Weighted loss [B, levels] of the regularizer. Eq. (4.2), thesis.

        Args:
          head_params: parameters of the heads.
          variables: variables of the extractor.
          features: features of the generator, [B, r, r, C] by name of the layer.
          images: generated images [B, R, R, 3] in [-1, 1], not augmented.
        """
        targets = self.extractor.targets(variables, images)[LEVELS[self.config.levels]]
        predictions, _ = self.heads.apply({"params": head_params}, features, self.sides)
        return self.config.weight * hsr_loss(predictions, targets, self.config.target_gradient)


def build(config: GanConfig, generator: Generator) -> Regularizer | None:
    """Regularizer of a configuration; None for the baseline.

    Raises:
      InputError: the resolution is too small for the supervised blocks, or the extractor cannot be used.
    """
    if config.hsr.extractor == "none":
        return None
    if config.data.resolution < max(BLOCKS):
        raise InputError(
            f"field data.resolution: {config.data.resolution} px is too small, because hsr supervises the generator "
            f"blocks of {', '.join(map(str, BLOCKS))} px; take at least {max(BLOCKS)}, or set hsr.extractor to none"
        )
    return Regularizer(config, generator)
