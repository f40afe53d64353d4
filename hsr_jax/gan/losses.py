"""Losses of StyleGAN2's adversarial training (Karras et al. 2020, with its Appendix B, and StyleGAN2-ADA).

The formulas on logits and gradients come first. After them come the losses of the four phases of a training step
(`g_main`, `g_reg`, `d_main`, `d_reg`), as functions of parameters and of all random draws. A loss has one value per
image; the caller takes the mean over the batch and multiplies by the factor of lazy regularisation.

Eq. (4.1) of the thesis is the original minimax game, with D = sigmoid(logit). The generator here minimises
-log D(G(z)), as StyleGAN2-ADA does, the thesis' baseline, because the gradient of log(1 - D(G(z))) vanishes where D is
certain.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import Array

from hsr_jax.gan.gan import GAN, Generated, LatentDraws, synthesis

PATH_LENGTH_DECAY = 0.01
"""Weight of a batch's mean in the running mean of path lengths; StyleGAN2, Appendix B."""

Augment = Callable[[Array], Array]
"""Augmentation of images [B, H, W, C] with fixed random numbers and strength."""


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; the defaults are StyleGAN2's."""

    r1_gamma: float = 10.0
    """Weight gamma of the R1 regularisation, whose factor is gamma / 2; 0 leaves it out. StyleGAN2-ADA: 0.0002 R^2 /
    batch size."""
    path_length_weight: float = 2.0
    """Weight of the path length regularisation; 0 leaves it out."""
    path_length_shrink: int = 2
    """Divisor of the batch size that gives the number of images in the path length regularisation."""
    style_mixing: float = 0.9
    """Probability that the images of a batch mix two styles each."""


def generator_loss(fake: Array) -> Array:
    """Loss [B] of the generator, given the logits [B] of its images."""
    # -log D(G(z)) = -log sigmoid(l) = softplus(-l)
    return jax.nn.softplus(-fake)


def discriminator_loss_fake(fake: Array) -> Array:
    """Loss [B] of the discriminator for generated images, given their logits [B]."""
    # -log(1 - D(G(z))) = softplus(l)
    return jax.nn.softplus(fake)


def discriminator_loss_real(real: Array) -> Array:
    """Loss [B] of the discriminator for real images, given their logits [B]."""
    # -log D(x) = softplus(-l)
    return jax.nn.softplus(-real)


def r1_penalty(score: Callable[[Array], Array], images: Array) -> tuple[Array, Array]:
    """Squared gradient of the logits, which gamma / 2 times is the R1 regularisation (Mescheder et al. 2018).

    Args:
      score: images -> logits [B]. It includes the augmentation: the gradient is with respect to the unaugmented images.
      images: [B, H, W, C], real.

    Returns:
      The penalty [B] and the logits [B].
    """
    # ||d sum_b D(x_b) / dx||^2, summed over the pixels and channels of each image
    logits, pull_back = jax.vjp(score, images)
    chex.assert_shape(logits, images.shape[:1])
    (gradient,) = pull_back(jnp.ones_like(logits))
    return jnp.square(gradient).sum((1, 2, 3)), logits


def path_gradients(synthesize: Callable[[Array], Array], ws: Array, noise: Array) -> Array:
    """Gradients [B, num_ws, w_dim] of a random projection of each image with respect to its ws; StyleGAN2, Eq. (4).

    Args:
      synthesize: ws -> images [B, H, W, C].
      ws: [B, num_ws, w_dim].
      noise: [B, H, W, C], standard normal.
    """
    # J_w^T y = d sum(G(w) * y) / dw,  y = noise / sqrt(H W)
    images, pull_back = jax.vjp(synthesize, ws)
    chex.assert_equal_shape([images, noise])
    _, height, width, _ = images.shape
    (gradients,) = pull_back(noise / jnp.sqrt(height * width).astype(noise.dtype))
    return gradients


def path_lengths(gradients: Array) -> Array:
    """Path length [B] per image, given the gradients [B, num_ws, w_dim] of `path_gradients`."""
    # sqrt(1 / N * sum_n ||(J_w^T y)_n||^2) over the N rows of ws
    return jnp.sqrt(jnp.square(gradients).sum(2).mean(1))


def path_length_penalty(lengths: Array, mean: Array, decay: float = PATH_LENGTH_DECAY) -> tuple[Array, Array]:
    """Path length regularisation; StyleGAN2, Eq. (4).

    Args:
      lengths: [B].
      mean: [], running mean a of the lengths.

    Returns:
      The penalty [B] and the new mean []. The penalty is computed with the new mean, and its gradient also flows
      through that mean.
    """
    chex.assert_rank([lengths, mean], [1, 0])
    # a <- a + decay (mean(length) - a);  (length - a)^2
    mean = mean + decay * (lengths.mean() - mean)
    return jnp.square(lengths - mean), mean


class PathLength(NamedTuple):
    """Results of the path length regularisation besides its loss."""

    penalty: Array
    """Penalty without its weight, [B]."""
    lengths: Array
    """Path length per image, [B]."""
    mean: Array
    """New running mean of the path lengths, []."""
    model_state: Any
    """Collections of the generator, as in `Generated`."""


def g_main(
    gan: GAN,
    g_params: Any,
    model_state: Any,
    d_params: Any,
    draws: LatentDraws,
    augment: Augment,
    c: Array | None = None,
) -> tuple[Array, tuple[Array, Generated]]:
    """Loss [B] of the generator; the logits [B] of its images, and the images before the augmentation."""
    generated = gan.generate(g_params, model_state, draws, c)
    logits = gan.logits(d_params, augment(generated.images), c)
    return generator_loss(logits), (logits, generated)


def g_reg(
    gan: GAN,
    g_params: Any,
    model_state: Any,
    pl_mean: Array,
    draws: LatentDraws,
    pl_noise: Array,
    weight: float,
    c: Array | None = None,
) -> tuple[Array, PathLength]:
    """Path length regularisation [B] of the generator; `pl_noise` [B, R, R, C] is standard normal."""
    ws, model_state_after = gan.latents(g_params, model_state, draws, c)
    variables = {"params": g_params, **model_state}
    synthesize = lambda ws: synthesis(gan.generator, variables, ws, draws.noise)[0]
    lengths = path_lengths(path_gradients(synthesize, ws, pl_noise))
    penalty, mean = path_length_penalty(lengths, pl_mean)
    return weight * penalty, PathLength(penalty, lengths, mean, model_state_after)


def d_main(
    gan: GAN, d_params: Any, fakes: Array, reals: Array, c: Array | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """Loss [B] of the discriminator; its logits of the generated images [B] and of the real images [B].

    `fakes` and `reals` are images [B, R, R, C] after the augmentation. The network sees them one after the other,
    because the minibatch standard deviation must not mix them. The gradient of the summed losses is the sum of the two
    gradients that StyleGAN2-ADA accumulates.
    """
    fake, real = gan.logits(d_params, fakes, c), gan.logits(d_params, reals, c)
    return discriminator_loss_fake(fake) + discriminator_loss_real(real), (fake, real)


def d_reg(
    gan: GAN, d_params: Any, reals: Array, gamma: float, augment: Augment, c: Array | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """R1 regularisation [B] of the discriminator; its penalty without the factor gamma / 2 [B], and the logits [B].

    `reals` are images before the augmentation, because the gradient goes through `augment`.
    """
    penalty, logits = r1_penalty(lambda images: gan.logits(d_params, augment(images), c), reals)
    return gamma / 2 * penalty, (penalty, logits)
