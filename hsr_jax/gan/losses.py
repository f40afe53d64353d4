"""Losses of StyleGAN2's adversarial training (Karras et al. 2020, with its Appendix B, and StyleGAN2-ADA).

First come the formulas on logits and gradients, then what each of the four phases of a training step minimises, as a
function of parameters and of all random draws. A loss is one value per image, and the factor of lazy regularisation is
not in it; the mean over the batch is the caller's.

Eq. (4.1) of the thesis is the original game, with D = sigmoid(logit). Its baseline is StyleGAN2-ADA, whose generator
minimises -log D(G(z)) instead of log(1 - D(G(z))), which has no gradient where D is sure. So it is here.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import Array

from hsr_jax.gan.gan import GAN, Generated, LatentDraws

PATH_LENGTH_DECAY = 0.01
"""Share of the way to the mean of a batch that the running mean of path lengths moves; StyleGAN2, Appendix B."""

Augment = Callable[[Array], Array]
"""Augmentation of images [B, H, W, C] whose random numbers and strength are fixed already."""


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Weights of the losses; the defaults are StyleGAN2's."""

    r1_gamma: float = 10.0
    """Weight gamma of the R1 regularisation, which counts gamma / 2 times; 0 leaves it out. StyleGAN2-ADA: 0.0002 R^2 /
    batch size."""
    path_length_weight: float = 2.0
    """Weight of the path length regularisation; 0 leaves it out."""
    path_length_shrink: int = 2
    """The path length is measured on the batch size divided by this number."""
    style_mixing: float = 0.9
    """Probability that the images of a batch are of two styles each."""


def generator_loss(fake: Array) -> Array:
    """Loss of the generator: logits of its images [B] -> [B]."""
    # -log D(G(z)) = -log sigmoid(l) = softplus(-l)
    return jax.nn.softplus(-fake)


def discriminator_loss_fake(fake: Array) -> Array:
    """Loss of the discriminator for generated images: their logits [B] -> [B]."""
    # -log(1 - D(G(z))) = softplus(l)
    return jax.nn.softplus(fake)


def discriminator_loss_real(real: Array) -> Array:
    """Loss of the discriminator for real images: their logits [B] -> [B]."""
    # -log D(x) = softplus(-l)
    return jax.nn.softplus(-real)


def r1_penalty(score: Callable[[Array], Array], images: Array) -> tuple[Array, Array]:
    """Squared gradient of the logits; the R1 regularisation (Mescheder et al. 2018) is gamma / 2 times it.

    Args:
      score: images -> logits [B]. It contains the augmentation, so that the gradient is by the images before it.
      images: [B, H, W, C], real.

    Returns:
      The penalty [B] and the logits [B].
    """
    # ||d sum_b D(x_b) / dx||^2, over the pixels and channels of each image
    logits, pull_back = jax.vjp(score, images)
    chex.assert_shape(logits, images.shape[:1])
    (gradient,) = pull_back(jnp.ones_like(logits))
    return jnp.square(gradient).sum((1, 2, 3)), logits


def path_gradients(synthesize: Callable[[Array], Array], ws: Array, noise: Array) -> Array:
    """Gradients of a random projection of each image by its latents; StyleGAN2, Eq. (4).

    Args:
      synthesize: ws -> images [B, H, W, C].
      ws: [B, num_ws, w_dim].
      noise: [B, H, W, C], standard normal.

    Returns:
      [B, num_ws, w_dim].
    """
    # J_w^T y = d sum(G(w) * y) / dw,  y = noise / sqrt(H W)
    images, pull_back = jax.vjp(synthesize, ws)
    chex.assert_equal_shape([images, noise])
    _, height, width, _ = images.shape
    (gradients,) = pull_back(noise / jnp.sqrt(height * width).astype(noise.dtype))
    return gradients


def path_lengths(gradients: Array) -> Array:
    """Path length per image: [B, num_ws, w_dim] -> [B]."""
    # sqrt(1 / N * sum_n ||(J_w^T y)_n||^2) over the N rows of ws
    return jnp.sqrt(jnp.square(gradients).sum(2).mean(1))


def path_length_penalty(lengths: Array, mean: Array, decay: float = PATH_LENGTH_DECAY) -> tuple[Array, Array]:
    """Path length regularisation; StyleGAN2, Eq. (4).

    Args:
      lengths: [B].
      mean: [], running mean a of the lengths.

    Returns:
      The penalty [B] and the new mean []. The penalty is taken against the new mean, through which its gradient flows
      as well.
    """
    chex.assert_rank([lengths, mean], [1, 0])
    # a <- a + decay (mean(length) - a);  (length - a)^2
    mean = mean + decay * (lengths.mean() - mean)
    return jnp.square(lengths - mean), mean


class PathLength(NamedTuple):
    """Results of the path length regularisation beside its loss."""

    penalty: Array
    """[B], unweighted."""
    lengths: Array
    """[B]."""
    mean: Array
    """[], the new running mean."""
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
    """Loss of the generator [B]; logits [B] of its images, and these images before the augmentation."""
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
    """Path length regularisation of the generator [B]; `pl_noise` [B, R, R, C] is standard normal."""
    ws, model_state_after = gan.latents(g_params, model_state, draws, c)
    synthesize = lambda ws: gan.synthesize(g_params, model_state, ws, draws.noise)[0]
    lengths = path_lengths(path_gradients(synthesize, ws, pl_noise))
    penalty, mean = path_length_penalty(lengths, pl_mean)
    return weight * penalty, PathLength(penalty, lengths, mean, model_state_after)


def d_main(
    gan: GAN, d_params: Any, fakes: Array, reals: Array, c: Array | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """Loss of the discriminator [B]; its logits of the fakes [B] and of the reals [B].

    Both are images [B, R, R, C] after the augmentation. They go through the network one after the other, because the
    minibatch deviation must not mix them. The gradient of the sum of the two losses is the sum of the two gradients
    that StyleGAN2-ADA accumulates.
    """
    fake, real = gan.logits(d_params, fakes, c), gan.logits(d_params, reals, c)
    return discriminator_loss_fake(fake) + discriminator_loss_real(real), (fake, real)


def d_reg(
    gan: GAN, d_params: Any, reals: Array, gamma: float, augment: Augment, c: Array | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """R1 regularisation of the discriminator [B]; its penalty without the factor gamma / 2 [B], and the logits [B].

    `reals` are images before the augmentation: the gradient goes through `augment`.
    """
    penalty, logits = r1_penalty(lambda images: gan.logits(d_params, augment(images), c), reals)
    return gamma / 2 * penalty, (penalty, logits)
