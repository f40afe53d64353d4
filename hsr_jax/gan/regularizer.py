"""The hierarchical semantic regularizer: generator features predict those of a pretrained network (Sec. 4.2.2, thesis).

Levels run from the most to the least semantic: generator blocks from the coarsest, extractor layers from the deepest.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import chex
import jax
import jax.numpy as jnp
from jax import Array

from common.errors import InputError
from common.nn.hsr_heads import BLOCKS, Heads
from common.nn.stylegan2 import Generator
from common.pretrained.extractor import load_extractor

if TYPE_CHECKING:  # `hsr_jax.config` reads the levels below
    from hsr_jax.config import GanConfig

Levels = Literal["all", "high", "mid", "low"]
LEVELS: dict[Levels, slice] = {"all": slice(0, 4), "high": slice(0, 2), "mid": slice(1, 3), "low": slice(2, 4)}
"""Which of four levels are supervised; Table 4.2, thesis."""


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


def squared_error(prediction: Array, target: Array) -> Array:
    """Mean squared error; [B, H, W, C] twice -> [B]. Eq. (4.2), thesis, up to the constant H W C."""
    chex.assert_equal_shape([prediction, target])
    # 1 / HWC * ||q(G(z)) - F(G(z))||^2
    return jnp.square(prediction - target).mean((1, 2, 3))


def hsr_loss(predictions: Sequence[Array], targets: Sequence[Array], target_gradient: bool = False) -> Array:
    """The regularizer per level; it joins the generator's main loss with weight 1. Second term of Eq. (4.2), thesis.

    Args:
      predictions: [B, H, W, C] per level, those of `Heads`.
      targets: features of the generated image (not augmented) in the pretrained network, of the same shapes.
      target_gradient: whether the image learns from its features, too. The extractor's parameters never do here: the
        caller does not differentiate with respect to them.

    Returns:
      [B, levels]; the loss of an image is the sum over levels.
    """
    chex.assert_equal(len(predictions), len(targets))
    if not target_gradient:
        targets = [jax.lax.stop_gradient(target) for target in targets]
    # sum_i ||q_i(G_i(z)) - F_i(G(z))||^2
    return jnp.stack([squared_error(q, f) for q, f in zip(predictions, targets, strict=True)], axis=1)


class Regularizer:
    """The regularizer of a run: the extractor with its variables, and the predictors of its features."""

    def __init__(self, config: "GanConfig", generator: Generator):
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
        """The weighted regularizer [B, levels]. Eq. (4.2), thesis.

        Args:
          head_params: parameters of the heads.
          variables: variables of the extractor.
          features: the generator's, [B, r, r, C] by layer.
          images: generated images [B, R, R, 3] in [-1, 1], not augmented.
        """
        targets = self.extractor.targets(variables, images)[LEVELS[self.config.levels]]
        predictions, _ = self.heads.apply({"params": head_params}, features, self.sides)
        return self.config.weight * hsr_loss(predictions, targets, self.config.target_gradient)


def build(config: "GanConfig", generator: Generator) -> Regularizer | None:
    """The regularizer of a configuration; None for the baseline.

    Raises:
      InputError: images do not have all supervised blocks; or what is wrong with the extractor.
    """
    if config.hsr.extractor == "none":
        return None
    if config.data.resolution < max(BLOCKS):
        blocks = ", ".join(str(block) for block in BLOCKS)
        raise InputError(
            f"field data.resolution: {config.data.resolution} px has not all of the blocks {blocks} that hsr "
            "supervises; take at least 64, or hsr.extractor none"
        )
    return Regularizer(config, generator)
