"""The formulas of StyleGAN2's adversarial training (Karras et al. 2020, with its Appendix B, and StyleGAN2-ADA).

Eq. (4.1) of the thesis is the original game, D = sigmoid(logit). Its baseline is StyleGAN2-ADA, where the generator's
loss is -log D(G(z)) in the place of log(1 - D(G(z))), which has no gradient where D is sure. So it is here.
"""

from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
from jax import Array

PATH_LENGTH_DECAY = 0.01
"""How fast the running mean of path lengths moves; StyleGAN2, Appendix B."""


def generator_loss(fake: Array) -> Array:
    """Loss of the generator for the logits of its images: [B] -> [B]."""
    # -log D(G(z)) = -log sigmoid(l) = softplus(-l)
    return jax.nn.softplus(-fake)


def discriminator_loss_fake(fake: Array) -> Array:
    """Loss of the discriminator for the logits of generated images: [B] -> [B]."""
    # -log(1 - D(G(z))) = softplus(l)
    return jax.nn.softplus(fake)


def discriminator_loss_real(real: Array) -> Array:
    """Loss of the discriminator for the logits of real images: [B] -> [B]."""
    # -log D(x) = softplus(-l)
    return jax.nn.softplus(-real)


def r1_penalty(score: Callable[[Array], Array], images: Array) -> tuple[Array, Array]:
    """Squared gradient of the logits; gamma / 2 times it is the R1 regularisation (Mescheder et al. 2018).

    Args:
      score: images -> logits [B]; it augments the images itself, so that the gradient is that of the images before.
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
    """What a random direction in the image is in the latent space; StyleGAN2, Eq. (4).

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
    """Path length of each image: [B, num_ws, w_dim] -> [B]."""
    # sqrt(1 / N * sum_n ||(J_w^T y)_n||^2) over the N rows of ws
    return jnp.sqrt(jnp.square(gradients).sum(2).mean(1))


def path_length_penalty(lengths: Array, mean: Array, decay: float = PATH_LENGTH_DECAY) -> tuple[Array, Array]:
    """The path length regularisation; StyleGAN2, Eq. (4).

    Args:
      lengths: [B].
      mean: [], running mean a of the lengths.

    Returns:
      The penalty [B] and the new mean []. The penalty is against the new mean, and its gradient flows through that mean
      as well.
    """
    chex.assert_rank([lengths, mean], [1, 0])
    # a <- a + decay (mean(length) - a);  (length - a)^2
    mean = mean + decay * (lengths.mean() - mean)
    return jnp.square(lengths - mean), mean


def mix_styles(ws: Array, others: Array, cutoff: Array | int) -> Array:
    """Rows of `ws` before `cutoff`, rows of `others` from there on: [B, num_ws, w_dim] twice -> the same shape.

    One `cutoff` serves the whole batch, as in StyleGAN2-ADA; num_ws keeps `ws` as it is.
    """
    chex.assert_equal_shape([ws, others])
    return jnp.where(jnp.arange(ws.shape[1])[None, :, None] < cutoff, ws, others)


def draw_cutoff(key: Array, num_ws: int, probability: float) -> Array:
    """int32 []: with `probability` uniform in 1 .. num_ws - 1, else num_ws, which mixes nothing."""
    row, decision = jax.random.split(key)
    cutoff = jax.random.randint(row, (), 1, num_ws)
    return jnp.where(jax.random.uniform(decision) < probability, cutoff, num_ws)


def clean_gradients(gradients: Any) -> Any:
    """NaN -> 0 and infinity -> 1e5 with its sign, in every leaf: low precision overflows now and then."""
    return jax.tree.map(lambda g: jnp.nan_to_num(g, nan=0.0, posinf=1e5, neginf=-1e5), gradients)


def ema_beta(batch_size: int, images_seen: Array | int, half_life_kimg: float, ramp_up: float | None = None) -> Array:
    """Weight of the old average when a batch has been trained on.

    Args:
      images_seen: [], images of all batches before this one.
      half_life_kimg: thousands of images after which a parameter's weight in the average has halved.
      ramp_up: while the run is young the half-life is this share of `images_seen`; never when absent.
    """
    # beta = 0.5^(batch / half-life)
    half_life = jnp.float32(1000 * half_life_kimg)
    if ramp_up is not None:
        half_life = jnp.minimum(half_life, ramp_up * jnp.asarray(images_seen, jnp.float32))
    return 0.5 ** (batch_size / jnp.maximum(half_life, 1e-8))


def lazy_adam(learning_rate: float, b1: float, b2: float, interval: int) -> tuple[float, float, float]:
    """Adam's learning rate and decays where every `interval`-th batch has a second step, for the regularisation.

    One optimiser serves both steps, so that k batches have k + 1 of them; StyleGAN2, Appendix B.
    """
    # c = k / (k + 1);  lr c, b1^c, b2^c
    c = interval / (interval + 1)
    return learning_rate * c, b1**c, b2**c
