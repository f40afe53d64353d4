"""The hierarchical semantic regularizer of a run: extractor, predictors and their loss (Sec. 4.2.2, thesis)."""

import jax
import jax.numpy as jnp

from common.errors import InputError
from common.pretrained import extractor
from hsr_jax.config import GanConfig
from hsr_jax.gan import regularizer
from hsr_jax.gan.gan import GAN


class Semantic:
    """The extractor with its variables, and the predictors of its features."""

    def __init__(self, config: GanConfig, gan: GAN):
        self.config = config.hsr
        self.extractor, self.variables = extractor.build(config.hsr, config.seed)
        pairs = regularizer.pair(regularizer.BLOCKS, self.extractor.layers, config.hsr.levels)
        self._levels = regularizer.LEVELS[config.hsr.levels]
        sides, widths = self.extractor.shapes(self.variables)
        self.sides = sides[self._levels]
        blocks = [block for block, _ in pairs]
        self.heads = regularizer.Heads(widths[self._levels], blocks, config.hsr.hidden, config.hsr.activation)
        g = gan.generator
        _, features = jax.eval_shape(g.init_with_output, jax.random.key(0), jnp.zeros((1, g.z_dim)), _label(g))[0]
        self._features = {f"b{block}.conv1": features[f"b{block}.conv1"] for block in blocks}

    def init(self, key: jax.Array):
        """Parameters of untrained heads."""
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), self._features)
        return self.heads.init(key, zeros, self.sides)["params"]

    def loss(self, head_params, variables, features, images) -> jax.Array:
        """[B, levels]. Eq. (4.2), thesis."""
        targets = self.extractor.targets(variables, images)[self._levels]
        predictions, _ = self.heads.apply({"params": head_params}, features, self.sides)
        return self.config.weight * regularizer.hsr_loss(
            predictions, targets, target_gradient=self.config.target_gradient
        )


def build(config: GanConfig, gan: GAN) -> Semantic | None:
    """That of a configuration; None for the baseline.

    Raises:
      InputError: images that have not all supervised blocks; what is wrong with the extractor.
    """
    if config.hsr.extractor == "none":
        return None
    if config.data.resolution < max(regularizer.BLOCKS):
        blocks = ", ".join(str(block) for block in regularizer.BLOCKS)
        raise InputError(
            f"field data.resolution: {config.data.resolution} px has not all of the blocks {blocks} that hsr "
            "supervises; take at least 64, or hsr.extractor none"
        )
    return Semantic(config, gan)


def _label(generator) -> jax.Array | None:
    return jnp.zeros((1, generator.c_dim)) if generator.c_dim else None
